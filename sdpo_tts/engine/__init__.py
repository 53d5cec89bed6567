"""Engines that sample from the policy: torch (the network itself) and vLLM."""
