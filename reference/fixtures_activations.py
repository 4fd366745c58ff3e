"""Cases A to F: prompt, inputs, activations of every stage, logits, and 16 greedy decoding steps with the cache.

Activations are taken from the reference modules by forward hooks; the three values that no module returns (q, k and v after
rotation, the DeepStack sum, the rotary tables) are taken by wrapping the reference's own functions.
"""

import contextlib
import importlib
from pathlib import Path

import torch
from PIL import Image
from transformers import (
    LogitsProcessorList, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper,
)

from fixtures_common import write_compact_json, write_json, write_tensors
from fixtures_images import SIZES, draw, normalise_table, patchify, resize_pil, resize_tv
from fixtures_models import FAMILIES, VOCABULARY, make_image_processor

DECODE_STEPS = 16


def image(name: str) -> dict:
    return {"type": "image", "image": name}


def text(content: str) -> dict:
    return {"type": "text", "text": content}


CASES = {
    "a": [{"role": "system", "content": "You inspect parts."}, {"role": "user", "content": "Is the part good?"}],
    "b": [{"role": "user", "content": [image("plate"), text("Is the part good?")]}],
    "c": [{"role": "system", "content": "Compare."},
          {"role": "user", "content": [text("Good: "), image("bolt"), text(" Test: "), image("strip"), text("Find the defect.")]}],
    "d": [{"role": "user", "content": [image("dot"), text(" Compare the two images. "), image("coin")]}],
    "e": [{"role": "user", "content": [image("coin"), text("Yes or No?")]}],
    "f": [{"role": "user", "content": [image("bolt"), text("Is it good?")]}, {"role": "assistant", "content": "No. A scratch."},
          {"role": "user", "content": [text("Where is it?")]}],
}

# How much of each case is stored. The rest of a case can be derived, or another case covers it.
#   full:    every stage; inside the blocks of FULL_BLOCKS every step; logits of all rows; logits of all decoding steps
#   stages:  every stage, of the blocks only their outputs
#   results: vision output, last logits, decoding ids
DETAIL = {"qwen25": {"b": "full", "c": "stages"}, "qwen3": {"c": "full", "b": "stages"}}
FULL_BLOCKS = {"vis": (0, 1), "lm": (0, 1)}  # qwen25: a windowed and a full block; qwen3: both DeepStack layers
BLOCK_OUTPUTS = ("out", "out_deepstack")
PIXEL_CASES = {"qwen25": "e", "qwen3": ""}  # pixel_values; of every case cases.json holds a hash
IMAGE_CASES = {"qwen25": "bcde", "qwen3": "ce"}  # decoded and resized bytes; the rest share their images with these
LAST_ROWS = 4


def image_names(messages: list) -> list:
    return [part["image"] for message in messages if isinstance(message["content"], list)
            for part in message["content"] if part["type"] == "image"]


def prepare(processor, messages: list, generation_prompt: bool = True) -> tuple:
    """(rendered prompt, model inputs) as the reference processor gives them, with the PIL image backend."""
    prompt = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation_prompt)
    images = [Image.fromarray(draw(name)) for name in image_names(messages)]
    inputs = processor(text=[prompt], images=images or None, return_tensors="pt")
    return prompt, dict(inputs)


# ---- tapping the reference --------------------------------------------------------------------------------------------


class Tap:
    """Collects tensors by name while the model runs; every tensor is copied at once, since the reference adds in place."""

    def __init__(self, model, family: str):
        self.model, self.family, self.values = model, family, {}
        self.module = importlib.import_module(type(model).__module__)
        self.attention_names = {}

    def keep(self, name: str, value: torch.Tensor) -> None:
        value = value.detach().clone()
        self.values[name] = torch.cat([self.values[name], value]) if name in self.values else value

    def hook(self, handles: list, module, name: str, drop_batch: bool) -> None:
        def after(_module, _inputs, output):
            output = output[0] if isinstance(output, tuple) else output
            self.keep(name, output[0] if drop_batch else output)

        handles.append(module.register_forward_hook(after))

    def hook_block(self, handles: list, block, prefix: str, parts: dict, drop_batch: bool) -> None:
        for name, attribute in parts.items():
            self.hook(handles, getattr(block, attribute) if attribute else block, prefix + name, drop_batch)

    def hook_all(self) -> list:
        handles, visual, lm = [], self.model.model.visual, self.model.model.language_model
        self.hook(handles, visual.patch_embed, "vis.patch", False)
        vision_parts = {"norm1": "norm1", "attn_out": "attn", "norm2": "norm2", "mlp_out": "mlp", "out": ""}
        for index, block in enumerate(visual.blocks):
            self.hook_block(handles, block, f"vis.{index}.", vision_parts, False)
            self.attention_names[block.attn] = f"vis.{index}."
        self.hook(handles, visual.merger, "vis.merged_permuted" if self.family == "qwen25" else "vis.out", False)
        for index, merger in enumerate(getattr(visual, "deepstack_merger_list", [])):
            self.hook(handles, merger, f"vis.deepstack.{index}", False)
        if self.family == "qwen25":
            self.hook(handles, visual, "vis.out", False)
        self.hook(handles, lm.embed_tokens, "lm.embed", True)
        lm_parts = {"norm1": "input_layernorm", "attn_out": "self_attn", "norm2": "post_attention_layernorm", "mlp": "mlp", "out": ""}
        for index, layer in enumerate(lm.layers):
            self.hook_block(handles, layer, f"lm.{index}.", lm_parts, True)
            self.attention_names[layer.self_attn] = f"lm.{index}."
            handles.append(layer.post_attention_layernorm.register_forward_pre_hook(
                lambda _module, args, name=f"lm.{index}.resid1": self.keep(name, args[0][0])))
        handles.append(lm.layers[0].register_forward_pre_hook(lambda _module, args: self.keep("lm.inserted", args[0][0])))
        self.hook(handles, lm.norm, "lm.final_norm", True)
        return handles

    def wrapped_attention(self, original):
        def attention(module, query, key, value, *args, **kwargs):
            prefix = self.attention_names[module]
            for name, tensor in (("q", query), ("k", key), ("v", value)):  # [1, heads, rows, dim] -> [rows, heads, dim]
                self.keep(prefix + name, tensor[0].transpose(0, 1))
            return original(module, query, key, value, *args, **kwargs)

        return attention

    def wrapped_rotary(self, original):
        def forward(x, position_ids):
            cos, sin = original(x, position_ids)
            if self.family == "qwen25":  # three tables; the reference picks the axis of each frequency inside attention
                section = self.model.config.text_config.rope_scaling["mrope_section"] * 2
                pick = lambda table: torch.cat([part[i % 3] for i, part in enumerate(table.split(section, dim=-1))], dim=-1)
                self.keep("lm.cos", pick(cos)[0])
                self.keep("lm.sin", pick(sin)[0])
            else:
                self.keep("lm.cos", cos[0])
                self.keep("lm.sin", sin[0])
            return cos, sin

        return forward

    @contextlib.contextmanager
    def recording(self):
        handles = self.hook_all()
        visual, lm = self.model.model.visual, self.model.model.language_model
        attention, rotary = self.module.eager_attention_forward, lm.rotary_emb.forward
        self.module.eager_attention_forward = self.wrapped_attention(attention)
        lm.rotary_emb.forward = self.wrapped_rotary(rotary)
        if self.family == "qwen3":
            deepstack, count = lm._deepstack_process, iter(range(len(lm.layers)))

            def process(hidden, mask, features):
                result = deepstack(hidden, mask, features)
                self.keep(f"lm.{next(count)}.out_deepstack", result[0])
                return result

            lm._deepstack_process = process
        try:
            yield self
        finally:
            for handle in handles:
                handle.remove()
            self.module.eager_attention_forward = attention
            lm.rotary_emb.forward = rotary
            if self.family == "qwen3":
                del lm._deepstack_process


def vision_tables(model, family: str, grid: torch.Tensor) -> dict:
    """What the tower computes before its blocks; angles are [patches, head_dim/2], before any permutation."""
    visual = model.model.visual
    tables = {"vis.angles": visual.rot_pos_emb(grid)}
    lengths = torch.repeat_interleave(grid[:, 1] * grid[:, 2], grid[:, 0])
    tables["vis.cu_full"] = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))
    if family == "qwen25":
        index, cu_window = visual.get_window_index(grid)
        tables["vis.window_index"] = index
        tables["vis.cu_window"] = torch.unique_consecutive(torch.tensor(cu_window))
    else:
        tables["vis.pos"] = visual.fast_pos_embed_interpolate(grid)
    return tables


# ---- one case ---------------------------------------------------------------------------------------------------------


def rope_index(model, inputs: dict) -> tuple:
    """(positions [3, len], delta)."""
    positions, delta = model.model.get_rope_index(inputs["input_ids"], inputs.get("image_grid_thw"))
    return positions[:, 0], int(delta.item())


def decode_greedy(model, inputs: dict) -> dict:
    """Plain argmax, no processors, never stopping; checked against the reference's own generate()."""
    length, ids, logits, positions = inputs["input_ids"].shape[1], [], [], []
    output = model(**inputs, use_cache=True, cache_position=torch.arange(length))
    for step in range(DECODE_STEPS):
        row = output.logits[0, -1].float()
        logits.append(row)
        ids.append(int(row.argmax()))
        positions.append(length + step + int(model.model.rope_deltas.item()))
        output = model(input_ids=torch.tensor([[ids[-1]]]), past_key_values=output.past_key_values, use_cache=True,
                       cache_position=torch.tensor([length + step]))
    # Every option by name: values that equal the class defaults would be taken from generation_config.json instead.
    generated = model.generate(**inputs, max_new_tokens=DECODE_STEPS, do_sample=False, repetition_penalty=1.0, temperature=1.0,
                               top_k=50, top_p=1.0, eos_token_id=VOCABULARY + 1, pad_token_id=0)[0, length:].tolist()
    if generated != ids:
        raise ValueError(f"greedy decoding {ids} differs from generate() {generated}")
    return {"decode.ids": torch.tensor(ids), "decode.logits": torch.stack(logits), "decode.positions": torch.tensor(positions)}


def stored(name: str, detail: str) -> bool:
    """Whether an activation belongs into a case of this detail."""
    room, _, rest = name.partition(".")
    block, _, step = rest.partition(".")
    if block.isdigit() and step not in BLOCK_OUTPUTS:
        return detail == "full" and int(block) in FULL_BLOCKS[room]
    return detail != "results" or name == "vis.out" or name.startswith("vis.deepstack")


def fnv1a64(data: bytes) -> str:
    """A hash that a test can compute in three lines."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def image_tensors(family: str, names: list, pixel_values: torch.Tensor, tables: dict) -> dict:
    """The raw and resized bytes of each image; checks that they explain the processor's pixel_values bit for bit."""
    tensors, rows = {}, []
    fast = make_image_processor(family, "tv")
    slow = make_image_processor(family, "pil")
    patch = FAMILIES[family]["patch"]
    for index, name in enumerate(names):
        rgb = draw(name)
        _, gh, gw = slow(images=[Image.fromarray(rgb)], return_tensors="pt")["image_grid_thw"][0].tolist()
        height, width = gh * patch, gw * patch
        pil, tv = resize_pil(rgb, height, width), resize_tv(rgb, height, width)
        tensors |= {f"image.{index}.rgb": rgb, f"image.{index}.resized_pil": pil, f"image.{index}.resized_tv": tv}
        rows.append(patchify(pil, tables["pil"], patch))
        reference_tv = fast(images=[Image.fromarray(rgb)], return_tensors="pt")["pixel_values"]
        if not torch.equal(patchify(tv, tables["tv"], patch), reference_tv):
            raise ValueError(f"{name}: torchvision pixel values are not resize + table + layout")
    if not torch.equal(torch.cat(rows), pixel_values):
        raise ValueError("PIL pixel values are not resize + table + layout")
    return tensors


def run_case(model, family: str, processor, name: str, tables: dict) -> tuple:
    """(tensors of case_NAME.safetensors, row of cases.json)."""
    prompt, inputs = prepare(processor, CASES[name])
    positions, delta = rope_index(model, inputs)
    tensors = {"input.ids": inputs["input_ids"][0], "input.position_ids": positions, "input.delta": torch.tensor([delta])}
    names = image_names(CASES[name])
    if names:
        tensors["input.grid_thw"] = inputs["image_grid_thw"]
        images = image_tensors(family, names, inputs["pixel_values"], tables)
        tensors |= images if name in IMAGE_CASES[family] else {}
        tensors |= {"pixel_values": inputs["pixel_values"]} if name in PIXEL_CASES[family] else {}
    with torch.no_grad(), Tap(model, family).recording() as tap:
        logits = model(**inputs).logits[0]
    values = tap.values
    if names:
        values |= vision_tables(model, family, inputs["image_grid_thw"])
        check_tap(model, family, values)
    with torch.no_grad():
        decode = decode_greedy(model, inputs)
    detail = DETAIL[family].get(name, "results")
    tensors |= {key: value for key, value in values.items() if stored(key, detail)}
    if detail == "full":
        tensors |= {"logits": logits} | decode
    else:
        decode["decode.logits"] = decode["decode.logits"][[0, 1, DECODE_STEPS - 1]]
        tensors |= {"logits": logits[-LAST_ROWS:]} | decode
    row = {
        "messages": CASES[name], "prompt": prompt, "ids": inputs["input_ids"][0].tolist(), "images": names,
        "grid_thw": inputs["image_grid_thw"].tolist() if names else [], "delta": delta, "detail": detail,
        "decode_ids": decode["decode.ids"].tolist(),
        "decode_text": processor.tokenizer.decode(decode["decode.ids"], skip_special_tokens=True),
    }
    if names:
        row["pixel_values_fnv1a64"] = fnv1a64(inputs["pixel_values"].numpy().astype("<f4").tobytes())
    return tensors, row


def check_tap(model, family: str, values: dict) -> None:
    """The tapped values must be consistent with each other, or a hook sits in the wrong place."""
    if family == "qwen25":
        order = torch.argsort(values["vis.window_index"])
        if not torch.equal(values["vis.merged_permuted"][order], values["vis.out"]):
            raise ValueError("vis.out is not the un-permuted merger output")
    for index in range(len(model.model.language_model.layers)):
        layer = f"lm.{index}."
        if not torch.equal(values[layer + "resid1"] + values[layer + "mlp"], values[layer + "out"]):
            raise ValueError(f"{layer}out is not resid1 + mlp")


def acceptable(decode_ids: list, decode_logits: torch.Tensor, forbidden: set) -> bool:
    """A decoding golden is useful if no step is nearly tied and none gives a token that stops or means an image."""
    top = decode_logits.topk(2, dim=-1).values
    return not forbidden & set(decode_ids) and float((top[:, 0] - top[:, 1]).min()) > 0.02 and len(set(decode_ids)) > 5


def choose_seed(make, family: str, processor) -> int:
    """The first seed whose greedy decodings are all acceptable; the choice is repeatable, so it needs no record."""
    tokenizer = processor.tokenizer
    forbidden = set(tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>"]))
    for seed in range(1, 500):
        model = make(seed)
        with torch.no_grad():
            for messages in CASES.values():
                decode = decode_greedy(model, prepare(processor, messages)[1])
                if not acceptable(decode["decode.ids"].tolist(), decode["decode.logits"], forbidden):
                    break
            else:
                return seed
    raise ValueError("no seed below 500 gives acceptable decodings")


def write_cases(model, family: str, processor, family_dir: Path) -> None:
    tables = {backend: normalise_table(family, backend) for backend in ("pil", "tv")}
    rows = {"note": {"image_sizes": {k: list(v) for k, v in SIZES.items()}, "image_files": "../images/NAME.png"}}
    for name in CASES:
        tensors, rows[name] = run_case(model, family, processor, name, tables)
        write_tensors(family_dir / f"case_{name}.safetensors", tensors)
    write_compact_json(family_dir / "cases.json", rows)


# ---- other goldens ----------------------------------------------------------------------------------------------------

SAMPLING = [
    {"repetition_penalty": 1.05, "temperature": 1e-6, "top_k": 0, "top_p": 1.0},
    {"repetition_penalty": 1.3, "temperature": 1.0, "top_k": 0, "top_p": 1.0},
    {"repetition_penalty": 1.0, "temperature": 0.7, "top_k": 20, "top_p": 0.8},
    {"repetition_penalty": 1.1, "temperature": 4.0, "top_k": 50, "top_p": 0.9},
    {"repetition_penalty": 1.0, "temperature": 8.0, "top_k": 0, "top_p": 0.5},
    {"repetition_penalty": 1.0, "temperature": 0.5, "top_k": 1, "top_p": 0.01},
]


def write_sampling(model, processor, family_dir: Path) -> None:
    """logits and context of case C's first generated position; n.processed is -inf where a token was dropped."""
    _, inputs = prepare(processor, CASES["c"])
    with torch.no_grad():
        logits = model(**inputs).logits[:, -1].float()
    tensors = {"ids": inputs["input_ids"][0], "logits": logits[0]}
    for index, options in enumerate(SAMPLING):
        steps = LogitsProcessorList()
        if options["repetition_penalty"] != 1.0:
            steps.append(RepetitionPenaltyLogitsProcessor(options["repetition_penalty"]))
        if options["temperature"] != 1.0:
            steps.append(TemperatureLogitsWarper(options["temperature"]))
        if options["top_k"]:
            steps.append(TopKLogitsWarper(options["top_k"]))
        if options["top_p"] < 1.0:
            steps.append(TopPLogitsWarper(options["top_p"]))
        tensors[f"{index}.processed"] = steps(inputs["input_ids"], logits.clone())[0]
    write_tensors(family_dir / "sampling.safetensors", tensors)
    write_json(family_dir / "sampling.json", {"order": "repetition penalty, temperature, top-k, top-p", "cases": SAMPLING})


def write_variant_logits(model, processor, path: Path, cases: str = "bc") -> None:
    """Last logits and vision output of a variant checkpoint (bf16, untied), as f32."""
    tensors = {}
    for name in cases:
        _, inputs = prepare(processor, CASES[name])
        with torch.no_grad():
            vision = model.model.visual(inputs["pixel_values"].to(model.dtype), grid_thw=inputs["image_grid_thw"])
            tensors[f"{name}.vis.out"] = (vision[0] if isinstance(vision, tuple) else vision).float()
            tensors[f"{name}.logits"] = model(**inputs).logits[0, -2 * LAST_ROWS:].float()
    write_tensors(path, tensors)
