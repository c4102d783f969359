"""The machine-learning library: one frozen backbone, many soft prompts.

Notation used in every docstring: B rows, T text tokens, P prompt tokens, L layers, H hidden
size, D = kv_heads * head_dim, C labels, N examples.
"""

from typing import Literal

DEFAULT_BACKBONE = "all-MiniLM-L6-v2"
Precision = Literal["auto", "float32", "bfloat16"]
Device = Literal["cpu", "cuda"]

FEW_PROGRAMS = {"LRU_CACHE_CAPACITY": "32", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}
"""Environment of a process that tunes, to be set before torch is imported: how many programs oneDNN keeps.

A tuning multiplies matrices of very many shapes; kept, their programs are two thirds of its memory (decision 23).
"""
