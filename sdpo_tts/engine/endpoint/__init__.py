"""A model that somebody serves: a sampler over the OpenAI protocol (chat completions)."""
