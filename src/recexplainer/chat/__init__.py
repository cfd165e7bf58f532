"""Chat models that are asked in words: any OpenAI-compatible endpoint, or a language model on this machine."""
