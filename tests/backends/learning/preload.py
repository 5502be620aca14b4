"""What every training loads, in the process that the others are forked from."""

import accelerate  # noqa: F401
import peft  # noqa: F401
import sentence_transformers.sentence_transformer.losses  # noqa: F401
import torch
import transformers  # noqa: F401

torch.set_num_threads(1)
