# SPDX-License-Identifier: Apache-2.0
"""The cases of tests/golden: which model configuration each folder holds, and which keys must matter in it.

`config`   arguments of the transformers configuration class (native, version 5 spelling)
`matters`  changed configurations under which the logits must move: {what is tested: {key: other value}}.
           A case whose logits do not depend on the key it is there for would test nothing.
`seed`     first seed to try; the maker walks on until the greedy continuation is well separated
"""

# 200 prompt tokens plus 64 greedy ones stay inside this, so plain models never leave their context.
CONTEXT = 512
# The scaled rotary types count from here: prompt and continuation lie well beyond it.
ORIGINAL = 64


def _base(heads, kv_heads, head_dim, hidden, intermediate, vocab, **more):
    config = dict(
        vocab_size=vocab,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=3,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_dim,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    )
    config.update(more)
    return config


def _rope(**values):
    return {"rope_parameters": values}


_DEFAULT_ROPE = {"rope_type": "default", "rope_theta": 10000.0}

_LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": ORIGINAL,
}
_YARN = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "original_max_position_embeddings": ORIGINAL,
}
_YARN_MSCALE = {
    "rope_type": "yarn",
    "rope_theta": 1000.0,
    "factor": 8.0,
    "original_max_position_embeddings": ORIGINAL,
    "beta_fast": 8.0,
    "beta_slow": 0.5,
    "mscale": 1.5,
    "mscale_all_dim": 0.5,
    "truncate": False,
}
_YARN_FACTOR = {
    "rope_type": "yarn",
    "rope_theta": 2000.0,
    "factor": 8.0,
    "original_max_position_embeddings": ORIGINAL,
    "attention_factor": 0.75,
}
_LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "original_max_position_embeddings": ORIGINAL,
    "factor": 8.0,
    "short_factor": [1.0, 1.05, 1.1, 1.3, 1.6, 2.0],
    "long_factor": [1.0, 1.4, 2.1, 3.5, 5.0, 8.0],
}


def _without(mapping, *keys):
    return {key: value for key, value in mapping.items() if key not in keys}


CASES = {
    "llama-mha": dict(
        family="llama",
        config=_base(4, 4, 10, 40, 30, 72),
        matters={
            "rope_theta": _rope(rope_type="default", rope_theta=1000.0),
            "rms_norm_eps": {"rms_norm_eps": 1e-2},
        },
    ),
    "llama-bias-tied": dict(
        family="llama",
        config=_base(6, 2, 12, 36, 28, 72, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
        matters={"rope_theta": _rope(rope_type="default", rope_theta=1000.0)},
        zero_biases=True,
    ),
    "llama-attention-bias": dict(
        family="llama",
        config=_base(7, 1, 12, 42, 28, 70, attention_bias=True, rms_norm_eps=1e-3),
        matters={"rms_norm_eps": {"rms_norm_eps": 1e-6}},
        zero_biases=True,
    ),
    "llama-mlp-bias": dict(
        family="llama",
        config=_base(3, 1, 10, 30, 44, 73, mlp_bias=True, tie_word_embeddings=True),
        matters={"rope_theta": _rope(rope_type="default", rope_theta=1000.0)},
        zero_biases=True,
    ),
    "llama-linear-v4": dict(
        family="llama",
        config=_base(4, 2, 10, 40, 32, 72, rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}),
        matters={"linear scaling": {"rope_parameters": _DEFAULT_ROPE}},
        style=4,
        old_type_key="type",
    ),
    "llama-dynamic": dict(
        family="llama",
        config=_base(
            4, 2, 10, 40, 32, 72,
            max_position_embeddings=ORIGINAL,
            rope_parameters={"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0},
        ),
        matters={"dynamic scaling": {"rope_parameters": _DEFAULT_ROPE}},
        history_dependent=True,
        prefix=60,
    ),
    "llama-llama3-v4": dict(
        family="llama",
        config=_base(4, 2, 14, 40, 32, 72, rope_parameters=_LLAMA3, tie_word_embeddings=True),
        matters={
            "llama3 scaling": {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
            "low_freq_factor": {"rope_parameters": dict(_LLAMA3, low_freq_factor=2.0)},
            "high_freq_factor": {"rope_parameters": dict(_LLAMA3, high_freq_factor=8.0)},
        },
        style=4,
        old_type_key="rope_type",
    ),
    "llama-yarn-mscale": dict(
        family="llama",
        config=_base(4, 1, 16, 40, 28, 72, rope_parameters=_YARN_MSCALE),
        matters={
            "yarn scaling": {"rope_parameters": {"rope_type": "default", "rope_theta": 1000.0}},
            "mscale": {"rope_parameters": _without(_YARN_MSCALE, "mscale")},
            "truncate": {"rope_parameters": _without(_YARN_MSCALE, "truncate")},
            "beta_fast": {"rope_parameters": _without(_YARN_MSCALE, "beta_fast")},
            "beta_slow": {"rope_parameters": _without(_YARN_MSCALE, "beta_slow")},
        },
    ),
    "llama-longrope": dict(
        family="llama",
        config=_base(4, 2, 12, 40, 32, 72, rope_parameters=_LONGROPE),
        matters={
            "long_factor": {"rope_parameters": dict(_LONGROPE, long_factor=_LONGROPE["short_factor"])},
            "attention factor": {"rope_parameters": dict(_LONGROPE, attention_factor=1.0)},
        },
        prefix=60,
    ),
    "llama-sharded": dict(
        family="llama",
        config=_base(4, 2, 8, 32, 40, 72),
        matters={"rope_theta": _rope(rope_type="default", rope_theta=1000.0)},
        max_shard_size="40KB",
    ),
    "mistral-window": dict(
        family="mistral",
        config=_base(14, 2, 6, 42, 28, 72, sliding_window=16),
        matters={
            "window is 16, not 17": {"sliding_window": 17},
            "window is 16, not 15": {"sliding_window": 15},
            "window": {"sliding_window": None},
        },
    ),
    "mistral-yarn-full": dict(
        family="mistral",
        config=_base(6, 2, 8, 36, 36, 72, sliding_window=None, rope_parameters=_YARN_FACTOR),
        matters={
            "yarn scaling": {"rope_parameters": {"rope_type": "default", "rope_theta": 2000.0}},
            "attention_factor": {"rope_parameters": _without(_YARN_FACTOR, "attention_factor")},
            "no window": {"sliding_window": 128},
        },
    ),
    "qwen2-gqa7-tied": dict(
        family="qwen2",
        config=_without(
            _base(7, 1, 8, 56, 28, 72, tie_word_embeddings=True, rms_norm_eps=1e-6), "head_dim"
        ),
        matters={"rope_theta": _rope(rope_type="default", rope_theta=1000.0)},
        zero_biases=True,
    ),
    "qwen2-upper-window": dict(
        family="qwen2",
        config=_without(
            _base(4, 2, 12, 40, 32, 72, use_sliding_window=True, max_window_layers=1, sliding_window=24), "head_dim"
        ),
        matters={
            "use_sliding_window": {"use_sliding_window": False},
            "max_window_layers": {"max_window_layers": 2},
            "window is 24, not 25": {"sliding_window": 25},
        },
    ),
    "qwen2-layer-types": dict(
        family="qwen2",
        config=_without(
            _base(
                6, 3, 8, 36, 32, 72,
                use_sliding_window=True,
                sliding_window=16,
                max_window_layers=3,
                layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                rope_parameters=_YARN,
            ),
            "head_dim",
        ),
        matters={
            "layer_types": {"layer_types": ["full_attention", "sliding_attention", "sliding_attention"]},
            "yarn scaling": {"rope_parameters": _DEFAULT_ROPE},
            "yarn attention factor": {"rope_parameters": dict(_YARN, attention_factor=1.0)},
        },
    ),
    "qwen3-head-dim": dict(
        family="qwen3",
        config=_base(4, 2, 16, 40, 28, 72, rms_norm_eps=1e-4),
        matters={"rope_theta": _rope(rope_type="default", rope_theta=1000.0), "rms_norm_eps": {"rms_norm_eps": 1e-2}},
        unit_qk_norms=True,
    ),
    "qwen3-bias-window-tied": dict(
        family="qwen3",
        config=_base(
            4, 4, 12, 36, 36, 72,
            attention_bias=True,
            tie_word_embeddings=True,
            use_sliding_window=True,
            sliding_window=24,
            max_window_layers=2,
        ),
        matters={"use_sliding_window": {"use_sliding_window": False}, "max_window_layers": {"max_window_layers": 1}},
        zero_biases=True,
        unit_qk_norms=True,
    ),
}

# Cases that are stored a second time with bfloat16 weights on disk.
BF16_CASES = ["llama-mha", "mistral-window", "qwen3-head-dim"]
