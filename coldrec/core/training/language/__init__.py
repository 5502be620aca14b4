"""What a language model is trained on and judged by; the training itself is ``coldrec.backends.learning``."""
