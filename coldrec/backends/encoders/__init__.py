"""Engines that run a language model; ``coldrec.core.protocols.TextEncoder`` says what each offers."""
