"""
A language model of 63,000 parameters whose answer is known.

It has llama's architecture with one layer.  Each token of the answer has a dimension of its own in the embedding, and
the output matrix leads from it to the next one; attention and feed-forward are small noise, computed but too weak to
count.  So greedy sampling says the answer and ends, whatever was asked: `TEXT`, or a tool call.  One character of
`TEXT` is four byte tokens, which llama.cpp must put together before it streams them.

Source: the GGUF specification (ggml/docs/gguf.md), names of the `llama` architecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np

START = "<|assistant|>"
END = "</s>"
ANSWER = ("▁The", "▁sky", "▁is", "▁blue", ",", "▁世界", "<0xF0>", "<0x9F>", "<0x99>", "<0x82>", ".")
TEXT = " The sky is blue, 世界🙂."
CALL = ("<tool_call>", "\n", '{"name":', '▁"weather",', '▁"arguments":', '▁{"city":', '▁"Paris"}}', "\n</tool_call>")

_CONTROL = ("<s>", END, "<|user|>", "<|system|>", START)
_BYTES = tuple(f"<0x{value:02X}>" for value in range(256))
_FIRST = ("<unk>", *_CONTROL, *_BYTES)
_TYPES = [gguf.TokenType.UNKNOWN] + [gguf.TokenType.CONTROL] * len(_CONTROL) + [gguf.TokenType.BYTE] * len(_BYTES)
# As Qwen and Hermes write tools and calls.
_TEMPLATE = (
    "{% if tools %}<|system|># Tools\n<tools>{% for tool in tools %}\n{{ tool | tojson }}{% endfor %}\n</tools>\n"
    'For each call write <tool_call>\n{"name": <name>, "arguments": <arguments>}\n</tool_call></s>{% endif %}'
    "{% for message in messages %}<|{{ message.role }}|>{% if message.content %}{{ message.content }}{% endif %}"
    "{% if message.tool_calls %}{% for call in message.tool_calls %}<tool_call>\n"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}\n</tool_call>'
    "{% endfor %}{% endif %}</s>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_WIDTH, _HEADS = 64, 4


def write_model(path: Path, *, answer: Sequence[str] = ANSWER, context: int = 512) -> None:
    """
    Write the model as a GGUF file of about 260 kB.

    Args:
        path: The file.
        answer: What it says, as tokens: no two the same, and 62 at the most.
        context: Tokens that it says it was made for.
    """
    tokens = (*_FIRST, *(word for word in answer if word not in _BYTES))
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, len(tokens), context)
    _add_tokens(writer, tokens)
    _add_tensors(writer, tokens, answer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, tokens: int, context: int) -> None:
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(tokens)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_chat_template(_TEMPLATE)


def _add_tokens(writer: gguf.GGUFWriter, tokens: Sequence[str]) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(_TYPES + [gguf.TokenType.NORMAL] * (len(tokens) - len(_TYPES)))
    writer.add_unk_token_id(tokens.index("<unk>"))
    writer.add_bos_token_id(tokens.index("<s>"))
    writer.add_eos_token_id(tokens.index(END))
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)


def _add_tensors(writer: gguf.GGUFWriter, tokens: Sequence[str], answer: Sequence[str]) -> None:
    noise = np.random.default_rng(7)
    embedding = np.zeros((len(tokens), _WIDTH), np.float32)
    output = np.zeros((len(tokens), _WIDTH), np.float32)
    embedding[:, -1] = 1  # whatever is no part of the answer looks the same, and leads to the end
    output[tokens.index(END), -1] = 4
    for place, (token, following) in enumerate(pairwise((START, *answer, END))):
        embedding[tokens.index(token)] = np.eye(_WIDTH, dtype=np.float32)[place]
        output[tokens.index(following), place] = 4
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output.weight", output)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(_WIDTH, np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        weights = noise.standard_normal((_WIDTH, _WIDTH)).astype(np.float32) * np.float32(0.01)
        writer.add_tensor(f"blk.0.{name}.weight", weights)
