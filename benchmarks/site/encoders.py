"""A language model as small as can be, in a folder as transformers write it."""

from __future__ import annotations

import json
import string
from pathlib import Path

SHOP_WORDS = ("red", "blue", "shoe", "lamp", "##s", "wool", "the", "a")


def write_tiny(folder: Path, *, seed: int = 0) -> Path:
    """Two layers of 32 numbers, their weights drawn; it reads letters, digits and a few words."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    letters = [mark + letter for letter in string.ascii_lowercase + string.digits for mark in ("", "##")]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SHOP_WORDS, *letters]
    vocabulary = {word: at for at, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=48,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    prompts = {"prompts": {"query": "the ", "passage": ""}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    return folder
