"""A model on a server: a sampler over the OpenAI protocol (chat completions)."""
