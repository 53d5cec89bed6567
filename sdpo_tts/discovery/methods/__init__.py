"""The methods, one file each. All share prompt, sampler, sandbox, budget and journal."""
