"""tests/fixtures/malformed: files that a loader must refuse (n_...) or accept (y_...), each with one property.

safetensors/*.safetensors, index/CASE/, adapter/CASE/ are complete; configs.json and tokenizers.json hold changes to apply to
the files of ../qwen25/model or ../qwen3/model, which keeps a hundred cases small.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, deserialize

from fixtures_common import torch_generator, write_json, write_tensors

# ---- safetensors ------------------------------------------------------------------------------------------------------


def file_bytes(header, data: bytes = b"", length: int | None = None) -> bytes:
    """A file with this header (object, text or bytes), this data and, if given, a lying header length."""
    if not isinstance(header, (str, bytes)):
        header = json.dumps(header)
    raw = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(begin: int, end: int, shape=None, dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


def header_cases(good: bytes) -> dict:
    """Cases about the length field and the header as text."""
    text = json.dumps({"a": entry(0, 8)})
    data = bytes(8)
    deep = '{"__metadata__":' + '{"x":' * 3000 + "1" + "}" * 3000 + "}"
    return {
        "n_empty_file": b"", "n_seven_bytes": bytes(7), "n_only_length": struct.pack("<Q", 2),
        "n_header_length_zero": struct.pack("<Q", 0), "n_header_length_2_63": file_bytes(text, data, 1 << 63),
        "n_header_length_2_64_minus_1": file_bytes(text, data, (1 << 64) - 1),
        "n_header_length_over_limit": file_bytes(text, data, 100_000_001),
        "n_header_past_end": file_bytes(text, b"", len(text) + 1), "n_truncated_header": file_bytes(text[:-6]),
        "n_header_cut_by_length": file_bytes(text, data, len(text) - 3),
        "n_bad_utf8": file_bytes(b'{"\xff\xfe":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', data),
        "n_surrogate_utf8": file_bytes(b'{"\xed\xa0\x80":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', data),
        "n_not_json": file_bytes("not json"), "n_array": file_bytes("[]"), "n_null": file_bytes("null"),
        "n_garbage_after_object": file_bytes("{} x"), "n_two_objects": file_bytes("{}{}"), "n_nested_deep": file_bytes(deep),
        "y_empty_header": file_bytes("{}"), "y_header_padded_after": file_bytes(text + "     ", data),
        "y_unaligned_data": file_bytes(text + " " * ((5 - 8 - len(text)) % 8), data),
        "y_metadata_only": file_bytes({"__metadata__": {"format": "pt"}}), "y_plain": good,
    }


def entry_cases() -> dict:
    """Cases about what stands in an entry. Each replaces or adds a tensor; the buffer is 8 bytes unless given."""
    def one(value, data: bytes = bytes(8)) -> bytes:
        return file_bytes({"a": value}, data)

    def dims(text: str, data: bytes = b"") -> bytes:
        return file_bytes('{"a":{"dtype":"F32","shape":[' + text + f'],"data_offsets":[0,{len(data)}]}}}}', data)

    good = entry(0, 8)
    return {
        "n_dtype_unknown": one(good | {"dtype": "F31"}), "n_dtype_lower_case": one(good | {"dtype": "f32"}),
        "n_dtype_number": one(good | {"dtype": 5}), "n_dtype_missing": one({k: good[k] for k in ("shape", "data_offsets")}),
        "n_shape_missing": one({k: good[k] for k in ("dtype", "data_offsets")}), "n_shape_number": one(good | {"shape": 2}),
        "n_shape_null": one(good | {"shape": None}), "n_offsets_missing": one({k: good[k] for k in ("dtype", "shape")}),
        "n_offsets_one": one(good | {"data_offsets": [0]}), "n_offsets_three": one(good | {"data_offsets": [0, 8, 8]}),
        "n_offsets_negative": one(good | {"data_offsets": [-8, 0]}), "n_offsets_fraction": one(good | {"data_offsets": [0, 8.5]}),
        "n_offsets_text": one(good | {"data_offsets": ["0", "8"]}), "n_offsets_2_64": one(good | {"data_offsets": [0, 1 << 64]}),
        "n_offsets_huge": one(good | {"data_offsets": [0, (1 << 64) - 8]}), "n_entry_number": one(5), "n_entry_array": one([]),
        "n_dim_negative": dims("-2", bytes(8)), "n_dim_fraction": dims("2.5", bytes(8)), "n_dim_exponent": dims("2e0", bytes(8)),
        "n_dim_text": dims('"2"', bytes(8)), "n_dim_2_64": dims("18446744073709551616"),
        "n_product_overflow": dims("4294967296,4294967296,2"), "n_product_overflow_to_zero": dims("4294967296,4294967296"),
        "n_bits_overflow": dims("4611686018427387904"), "n_size_smaller_than_shape": dims("3", bytes(8)),
        "n_size_larger_than_shape": dims("1", bytes(8)),
        "n_metadata_number": file_bytes({"__metadata__": {"a": 1}}), "n_metadata_array": file_bytes({"__metadata__": []}),
        "n_half_byte": file_bytes({"a": {"dtype": "F4", "shape": [3], "data_offsets": [0, 2]}}, bytes(2)),
        "y_rank_zero": file_bytes({"a": entry(0, 4, [])}, bytes(4)), "y_zero_dim": file_bytes({"a": entry(0, 0, [3, 0, 2])}),
        "y_zero_dim_beside_huge": dims("0,9007199254740993"),
        "y_nan_and_inf": one(good, np.array([np.nan, np.inf], dtype="<f4").tobytes()),
        "y_bf16": one(entry(0, 8, [4], "BF16")), "y_f16": one(entry(0, 8, [2, 2], "F16")), "y_i64": one(entry(0, 8, [1], "I64")),
        "y_unicode_name": file_bytes({"gewicht.\u00e4\u4f60": good}, bytes(8)),
        "y_escaped_name": file_bytes('{"a\\u0062\\"\\\\":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', bytes(8)),
    }


def layout_cases() -> dict:
    """Cases about several tensors in one buffer."""
    both = {"a": entry(0, 8), "b": entry(8, 16)}
    duplicate = '{"a":%s,"a":%s}' % (json.dumps(entry(0, 8)), json.dumps(entry(8, 16)))
    same_place = '{"a":%s,"a":%s}' % ((json.dumps(entry(0, 8)),) * 2)
    return {
        "n_truncated_data": file_bytes(both, bytes(12)), "n_trailing_bytes": file_bytes(both, bytes(17)),
        "n_data_without_tensor": file_bytes("{}", bytes(4)), "n_gap": file_bytes(both | {"b": entry(12, 20)}, bytes(20)),
        "n_gap_at_start": file_bytes({"a": entry(4, 12)}, bytes(12)), "n_overlap": file_bytes(both | {"b": entry(4, 12)}, bytes(12)),
        "n_same_bytes_twice": file_bytes({"a": entry(0, 8), "b": entry(0, 8)}, bytes(8)),
        "n_end_before_begin": file_bytes(both | {"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}, bytes(16)),
        "n_duplicate_name": file_bytes(duplicate, bytes(16)), "n_duplicate_name_same_bytes": file_bytes(same_place, bytes(8)),
        "y_names_not_in_data_order": file_bytes({"a": entry(8, 16), "b": entry(0, 8)}, bytes(16)),
        "y_empty_tensor_between": file_bytes(both | {"e": entry(8, 8, [0])}, bytes(16)),
    }


def write_safetensors(folder: Path) -> None:
    """Every file is also given to the reference parser; where it is more lenient than we are, reference.json says so."""
    folder.mkdir(parents=True)
    data = np.array([1.5, -2.0], dtype="<f4").tobytes()
    lenient = {}
    for name, content in (header_cases(file_bytes({"a": entry(0, 8)}, data)) | entry_cases() | layout_cases()).items():
        (folder / f"{name}.safetensors").write_bytes(content)
        try:
            deserialize(content)
            accepted = "accepted"
        except SafetensorError as error:
            accepted = str(error)
        if (accepted == "accepted") != name.startswith("y_"):
            lenient[name] = accepted
    write_json(folder / "reference.json", {"where_the_reference_parser_decides_otherwise": lenient})


# ---- index files ------------------------------------------------------------------------------------------------------


def write_indexes(folder: Path) -> None:
    shard = {name: file_bytes({name: entry(0, 8)}, bytes(8)) for name in ("a", "b")}
    two = {"a": "one.safetensors", "b": "two.safetensors"}

    def index(weight_map, **more) -> str:
        return json.dumps({"metadata": {"total_size": 16}, "weight_map": weight_map} | more)

    cases = {
        "y_two_shards": index(two), "y_total_size_wrong": index(two, metadata={"total_size": 1}),
        "y_no_metadata": json.dumps({"weight_map": two}), "y_one_shard_unused": index({"a": "one.safetensors"}),
        "n_parent_folder": index(two | {"b": "../two.safetensors"}), "n_absolute": index(two | {"b": "/tmp/two.safetensors"}),
        "n_subfolder": index(two | {"b": "x/two.safetensors"}), "n_backslash": index(two | {"b": "..\\two.safetensors"}),
        "n_dots": index(two | {"b": ".."}), "n_empty_name": index(two | {"b": ""}), "n_nul_in_name": index(two | {"b": "two\0.safetensors"}),
        "n_missing_shard": index(two | {"b": "three.safetensors"}), "n_tensor_not_in_shard": index(two | {"c": "two.safetensors"}),
        "n_tensor_in_other_shard": index({"a": "two.safetensors", "b": "one.safetensors"}),
        "n_value_number": index(two | {"b": 2}), "n_weight_map_missing": json.dumps({"metadata": {}}),
        "n_weight_map_array": index([]), "y_weight_map_empty": index({}), "n_not_object": "[]", "n_truncated": index(two)[:-9],
        "n_bad_utf8": None, "n_itself": index(two | {"b": "model.safetensors.index.json"}),
        "n_duplicate_key": '{"weight_map":{"a":"one.safetensors","b":"two.safetensors","a":"two.safetensors"}}',
    }
    for name, text in cases.items():
        case = folder / name
        case.mkdir(parents=True)
        (case / "one.safetensors").write_bytes(shard["a"])
        (case / "two.safetensors").write_bytes(shard["b"])
        raw = b'{"weight_map":{"\xff":"one.safetensors"}}' if text is None else text.encode()
        (case / "model.safetensors.index.json").write_bytes(raw)
    both = folder / "n_tensor_in_two_shards"
    both.mkdir()
    (both / "one.safetensors").write_bytes(file_bytes({"a": entry(0, 8), "b": entry(8, 16)}, bytes(16)))
    (both / "two.safetensors").write_bytes(shard["b"])
    (both / "model.safetensors.index.json").write_text(index(two))


# ---- adapters (for ../qwen25/model) -----------------------------------------------------------------------------------

MODULE = "model.language_model.layers.0.self_attn.q_proj"


def write_adapters_malformed(folder: Path) -> None:
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"], "bias": "none", "lora_dropout": 0.0,
              "fan_in_fan_out": False, "use_rslora": False, "use_dora": False, "modules_to_save": None,
              "init_lora_weights": True, "task_type": "CAUSAL_LM"}
    a, b = (torch.randn(shape, generator=torch_generator(f"malformed {shape}")) / 4 for shape in ((2, 64), (64, 2)))
    key = f"base_model.model.{MODULE}"
    good = {f"{key}.lora_A.weight": a, f"{key}.lora_B.weight": b}
    holed = a.clone()
    holed[1, 5] = float("nan")
    infinite = b.clone()
    infinite[7, 1] = float("inf")

    def other(module: str, suffix: str = "weight") -> dict:
        return {f"base_model.model.{module}.lora_A.{suffix}": a, f"base_model.model.{module}.lora_B.{suffix}": b}

    tensors = {
        "y_minimal": good, "y_old_names": other("model.layers.0.self_attn.q_proj"),
        "y_bf16": {k: v.to(torch.bfloat16) for k, v in good.items()},
        "n_nan": good | {f"{key}.lora_A.weight": holed}, "n_inf": good | {f"{key}.lora_B.weight": infinite},
        "n_r_mismatch_between_a_and_b": good | {f"{key}.lora_B.weight": b[:, :1].contiguous()},
        "n_in_features": good | {f"{key}.lora_A.weight": a[:, :63].contiguous()},
        "n_out_features": good | {f"{key}.lora_B.weight": b[:63].contiguous()},
        "n_a_transposed": good | {f"{key}.lora_A.weight": a.T.contiguous()},
        "n_missing_b": {f"{key}.lora_A.weight": a}, "n_missing_a": {f"{key}.lora_B.weight": b},
        "n_layer_99": good | other("model.language_model.layers.99.self_attn.q_proj"),
        "n_unknown_module": good | other("model.language_model.layers.0.self_attn.z_proj"),
        "n_unknown_key": good | {f"{key}.lora_C.weight": a}, "n_no_prefix": {k.removeprefix("base_model.model."): v for k, v in good.items()},
        "n_adapter_name_kept": other(MODULE, "default.weight"),
        "n_dora_vector": good | {f"{key}.lora_magnitude_vector": torch.ones(64)},
        "n_both_namings": good | other("model.layers.0.self_attn.q_proj"),
        "n_saved_shape": good | {"base_model.model.model.language_model.norm.weight": torch.ones(63)}, "n_no_tensors": {},
        "n_norm_target": other("model.language_model.norm"),
    }
    configs = {
        "n_r_mismatch_with_config": {"r": 8}, "n_r_zero": {"r": 0}, "n_r_negative": {"r": -2}, "n_r_text": {"r": "2"},
        "n_alpha_missing": {"lora_alpha": None}, "n_peft_type": {"peft_type": "LOHA"}, "n_peft_type_missing": {"peft_type": None},
        "n_use_dora": {"use_dora": True}, "n_fan_in_fan_out": {"fan_in_fan_out": True}, "n_qalora": {"use_qalora": True},
        "n_layer_replication": {"layer_replication": [[0, 2], [1, 3]]}, "n_alora": {"alora_invocation_tokens": [1, 2]},
        "n_target_parameters": {"target_parameters": ["q_proj.weight"]}, "n_trainable_tokens": {"trainable_token_indices": [3]},
        "n_init_pissa": {"init_lora_weights": "pissa"}, "n_bias_word": {"bias": "some"},
        "y_init_gaussian": {"init_lora_weights": "gaussian"}, "y_target_regex": {"target_modules": r".*\.q_proj"},
        "y_rank_pattern": {"r": 8, "rank_pattern": {"self_attn.q_proj": 2}},
    }
    for name, value in tensors.items():
        write_tensors(folder / name / "adapter_model.safetensors", value, allow_nan=True)
        write_json(folder / name / "adapter_config.json", config)
    for name, change in configs.items():
        write_tensors(folder / name / "adapter_model.safetensors", good)
        changed = {k: v for k, v in (config | change).items() if not (k in change and v is None)}
        write_json(folder / name / "adapter_config.json", changed)
    for name, text in {"n_config_truncated": '{"peft_type": "LORA", "r": 2', "n_config_array": "[]"}.items():
        write_tensors(folder / name / "adapter_model.safetensors", good)
        (folder / name / "adapter_config.json").write_text(text)


# ---- changes to configuration and tokenizer ---------------------------------------------------------------------------


def config_changes() -> list:
    """{name, family, file, set: {dotted path: value}, remove: [dotted path]}: sections 1 and 16 of the model's checks."""
    def text(family, name, **change):
        return {"name": name, "family": family, "file": "config.json", "set": {f"text_config.{k}": v for k, v in change.items()}}

    def vision(family, name, **change):
        return {"name": name, "family": family, "file": "config.json", "set": {f"vision_config.{k}": v for k, v in change.items()}}

    def top(family, name, **change):
        return {"name": name, "family": family, "file": "config.json", "set": change}

    def without(family, name, path):
        return {"name": name, "family": family, "file": "config.json", "set": {}, "remove": [path]}

    def pre(family, name, **change):
        return {"name": name, "family": family, "file": "preprocessor_config.json", "set": change}

    rows = [
        top("qwen25", "n_model_type", model_type="llava"), without("qwen25", "n_model_type_missing", "model_type"),
        text("qwen25", "n_hidden_zero", hidden_size=0), text("qwen25", "n_hidden_negative", hidden_size=-64),
        text("qwen25", "n_hidden_text", hidden_size="64"), text("qwen25", "n_hidden_huge", hidden_size=1 << 40),
        text("qwen25", "n_layers_huge", num_hidden_layers=1 << 31), text("qwen25", "n_layers_one_too_many", num_hidden_layers=4),
        text("qwen25", "n_heads_do_not_divide", num_attention_heads=5), text("qwen25", "n_kv_does_not_divide", num_key_value_heads=3),
        text("qwen25", "n_intermediate_not_the_tensor", intermediate_size=113), text("qwen25", "n_vocabulary_not_the_tensor", vocab_size=640),
        text("qwen25", "n_activation", hidden_act="relu"), text("qwen25", "n_sliding_window", use_sliding_window=True),
        text("qwen25", "n_mrope_sum", rope_scaling={"type": "mrope", "mrope_section": [2, 3, 4]}),
        text("qwen25", "n_mrope_missing", rope_scaling={"type": "mrope"}), text("qwen25", "n_mrope_two", rope_scaling={"type": "mrope", "mrope_section": [4, 4]}),
        text("qwen25", "n_yarn", rope_scaling={"type": "yarn", "factor": 4.0, "mrope_section": [2, 3, 3]}),
        without("qwen25", "n_rope_theta_missing", "text_config.rope_theta"), text("qwen25", "n_rope_theta_zero", rope_theta=0.0),
        text("qwen25", "n_eps_negative", rms_norm_eps=-1.0), top("qwen25", "n_image_token_past_vocabulary", image_token_id=512),
        top("qwen25", "n_image_token_not_the_tokenizers", image_token_id=7), without("qwen25", "n_image_token_missing", "image_token_id"),
        vision("qwen25", "n_vision_heads", num_heads=3), vision("qwen25", "n_vision_head_dim_not_4", num_heads=16),
        vision("qwen25", "n_merge_3", spatial_merge_size=3), vision("qwen25", "n_temporal_3", temporal_patch_size=3),
        vision("qwen25", "n_window", window_size=57), vision("qwen25", "n_window_zero", window_size=0),
        vision("qwen25", "n_out_hidden", out_hidden_size=48), vision("qwen25", "n_full_attention_past_depth", fullatt_block_indexes=[1, 4]),
        vision("qwen25", "n_full_attention_negative", fullatt_block_indexes=[-1]), vision("qwen25", "n_patch_zero", patch_size=0),
        vision("qwen25", "n_channels", in_channels=4), without("qwen25", "n_vision_missing", "vision_config"),
        without("qwen25", "n_full_attention_missing", "vision_config.fullatt_block_indexes"),
        text("qwen25", "y_sliding_window_unused", sliding_window=4096, max_window_layers=1), text("qwen25", "y_unknown_field", some_new_field=3),
        vision("qwen3", "n_positions_not_square", num_position_embeddings=24), vision("qwen3", "n_positions_not_the_tensor", num_position_embeddings=36),
        vision("qwen3", "n_deepstack_past_depth", deepstack_visual_indexes=[0, 4]), vision("qwen3", "n_deepstack_more_than_layers", deepstack_visual_indexes=[0, 1, 2, 3, 3]),
        vision("qwen3", "n_deepstack_one_missing", deepstack_visual_indexes=[0]), vision("qwen3", "n_vision_activation", hidden_act="silu"),
        text("qwen3", "n_head_dim_odd", head_dim=15), text("qwen3", "n_attention_bias", attention_bias=True),
        text("qwen3", "n_mrope_not_interleaved_sum", rope_scaling={"rope_type": "default", "mrope_interleaved": True, "mrope_section": [4, 2, 3]}),
        without("qwen3", "n_rope_theta_missing", "text_config.rope_theta"), text("qwen3", "n_linear_rope", rope_scaling={"rope_type": "linear", "factor": 2.0, "mrope_section": [4, 2, 2]}),
        pre("qwen25", "n_no_resize", do_resize=False), pre("qwen25", "n_bilinear", resample=2), pre("qwen25", "n_rescale_factor", rescale_factor=0.5),
        pre("qwen25", "n_center_crop", do_center_crop=True), pre("qwen25", "n_pad", do_pad=True), pre("qwen25", "n_no_normalise", do_normalize=False),
        pre("qwen25", "n_min_over_max", min_pixels=50177, max_pixels=50176), pre("qwen25", "n_min_negative", min_pixels=-1),
        pre("qwen25", "n_mean_two", image_mean=[0.5, 0.5]), pre("qwen25", "n_std_zero", image_std=[0.5, 0.0, 0.5]),
        pre("qwen25", "n_patch_not_the_models", patch_size=16), pre("qwen25", "n_merge_not_the_models", merge_size=4),
        pre("qwen25", "y_nulls", do_resize=None, resample=None, size=None, rescale_factor=None),
        pre("qwen25", "y_said_in_full", do_resize=True, resample=3, do_rescale=True, rescale_factor=1 / 255, do_normalize=True, do_convert_rgb=True),
        pre("qwen3", "n_size_without_bounds", size={"height": 64, "width": 64}), pre("qwen3", "y_min_pixels_win", min_pixels=4096, max_pixels=65536, size={"shortest_edge": 1, "longest_edge": 2}),
    ]
    return [row | {"remove": row.get("remove", [])} for row in rows]


def tokenizer_changes() -> list:
    """Changes to qwen25/model/tokenizer.json; a path part that is a number is a list index, -1 appends."""
    def row(name, remove=(), **change):
        return {"name": name, "family": "qwen25", "file": "tokenizer.json",
                "set": {k.replace("__", "."): v for k, v in change.items()}, "remove": list(remove)}

    return [
        row("n_model_type", model__type="Unigram"), row("n_vocabulary_missing", ["model.vocab"]), row("n_merges_missing", ["model.merges"]),
        row("n_vocabulary_empty", model__vocab={}), row("n_merge_part_unknown", **{"model.merges.-1": ["qq", "zz"]}),
        row("n_merge_result_unknown", **{"model.merges.-1": ["!", '"']}), row("n_merge_three_parts", **{"model.merges.-1": ["a", "b", "c"]}),
        row("n_merge_number", **{"model.merges.-1": 5}), row("n_merge_without_space", **{"model.merges.-1": "ab"}),
        row("n_id_negative", **{"model.vocab.!": -1}), row("n_id_twice", **{"model.vocab.!": 1}), row("n_id_huge", **{"model.vocab.!": 1 << 40}),
        row("n_id_text", **{"model.vocab.!": "0"}), row("n_byte_missing", ["model.vocab.!"]), row("n_byte_fallback", model__byte_fallback=True),
        row("n_ignore_merges", model__ignore_merges=True), row("n_dropout", model__dropout=0.1), row("n_unk_token", model__unk_token="!"),
        row("n_normalizer_nfkc", normalizer={"type": "NFKC"}), row("n_regex_unknown", **{"pre_tokenizer.pretokenizers.0.pattern.Regex": "\\w+|\\s+"}),
        row("n_prefix_space", **{"pre_tokenizer.pretokenizers.1.add_prefix_space": True}), row("n_decoder", decoder={"type": "WordPiece", "prefix": "##"}),
        row("n_added_past_vocabulary", **{"added_tokens.0.id": 512}), row("n_added_id_of_other", **{"added_tokens.0.id": 0}),
        row("n_added_empty", **{"added_tokens.0.content": ""}), row("n_added_twice", **{"added_tokens.1.content": "<|endoftext|>"}),
        row("n_added_lstrip", **{"added_tokens.0.lstrip": True}), row("n_added_normalized", **{"added_tokens.0.normalized": True}),
        row("n_image_pad_missing", **{"added_tokens.12.content": "<|other|>"}), row("y_post_processor_null", post_processor=None),
        row("y_truncation_ignored", truncation={"max_length": 8, "strategy": "LongestFirst", "direction": "Right", "stride": 0}),
    ]


def write_malformed(folder: Path) -> None:
    write_safetensors(folder / "safetensors")
    write_indexes(folder / "index")
    write_adapters_malformed(folder / "adapter")
    write_rows(folder / "configs.json", config_changes())
    write_rows(folder / "tokenizers.json", tokenizer_changes())


def write_rows(path: Path, rows: list) -> None:
    path.write_text("[\n" + ",\n".join(" " + json.dumps(row) for row in rows) + "\n]\n", encoding="utf-8")
