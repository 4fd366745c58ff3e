"""Training goldens: labels, loss, every gradient, AdamW steps; the same through PEFT adapters, with the adapter folders.

Whole gradients would be as large as the checkpoint. A tensor of more than FULL_ELEMENTS elements is therefore stored as a
sample of its elements plus its row sums and column sums, so that every element takes part in something that is compared.
"""

import json
import re
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file

from fixtures_activations import CASES, LAST_ROWS, image_names, prepare, rope_index
from fixtures_common import torch_generator, write_json, write_tensors
from fixtures_models import load_model

FULL_ELEMENTS = 256
GRADIENT_SAMPLES, STEP_SAMPLES = 192, 48
ADAMW = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}
STEPS = 3

CONVERSATION = CASES["f"] + [{"role": "assistant", "content": "Near the edge."}]


# ---- labels and loss --------------------------------------------------------------------------------------------------


def make_labels(ids: torch.Tensor, tokenizer) -> torch.Tensor:
    """The rule of the official fine-tuning code: after each `assistant` id skip it and the newline, then keep everything
    through the next <|im_end|> and the token after it; -100 elsewhere. Label t is the id at t; the loss shifts."""
    end, assistant = tokenizer.convert_tokens_to_ids("<|im_end|>"), tokenizer.encode("assistant")[0]
    labels = torch.full_like(ids, -100)
    position = 0
    while position < len(ids):
        if ids[position] == assistant:
            start = position + 2
            stop = start
            while stop < len(ids) and ids[stop] != end:
                stop += 1
            if stop < len(ids):
                labels[start:stop + 2] = ids[start:stop + 2]
                position = stop
        position += 1
    return labels


def training_inputs(processor) -> tuple:
    prompt, inputs = prepare(processor, CONVERSATION, generation_prompt=False)
    labels = make_labels(inputs["input_ids"][0], processor.tokenizer)
    return prompt, inputs, labels.unsqueeze(0)


def forward_loss(model, inputs: dict, labels: torch.Tensor):
    return model(**inputs, labels=labels, use_cache=False)


# ---- compact storage --------------------------------------------------------------------------------------------------


def sample_stride(count: int, samples: int) -> int:
    """Odd, so that a sample of a matrix with an even number of columns does not stay in few columns."""
    return max(1, -(-count // samples)) | 1


def compact(prefix: str, name: str, tensor: torch.Tensor, samples: int, sums: bool, full: int = FULL_ELEMENTS) -> dict:
    """prefix.NAME whole, or prefix.NAME#sample (elements 0, s, 2s, ... of the flat tensor) with #rows and #cols sums."""
    tensor = tensor.detach().float()
    if tensor.numel() <= (full if sums else samples):
        return {f"{prefix}.{name}": tensor}
    matrix = tensor.reshape(tensor.shape[0], -1).double()
    out = {f"{prefix}.{name}#sample": tensor.flatten()[:: sample_stride(tensor.numel(), samples)]}
    if sums:
        out |= {f"{prefix}.{name}#rows": matrix.sum(1).float(), f"{prefix}.{name}#cols": matrix.sum(0).float()}
    return out


def train_steps(model, parameters: list, inputs: dict, labels: torch.Tensor) -> tuple:
    """AdamW without clipping. Returns (losses before each step and after the last, {1: params, 3: params})."""
    optimizer = torch.optim.AdamW([p for _, p in parameters], foreach=False, **ADAMW)
    losses, snapshots = [], {}
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        loss = forward_loss(model, inputs, labels).loss
        loss.backward()
        losses.append(float(loss.detach()))
        optimizer.step()
        if step in (1, STEPS):
            snapshots[step] = {name: p.detach().clone() for name, p in parameters}
    with torch.no_grad():
        losses.append(float(forward_loss(model, inputs, labels).loss))
    return losses, snapshots


def gradients(model, parameters: list, inputs: dict, labels: torch.Tensor) -> tuple:
    model.zero_grad()
    output = forward_loss(model, inputs, labels)
    output.loss.backward()
    return output, {name: p.grad.detach().clone() for name, p in parameters}


def total_norm(grads: dict) -> float:
    return float(torch.sqrt(sum(g.double().pow(2).sum() for g in grads.values())))


# ---- full fine-tuning -------------------------------------------------------------------------------------------------


def file_name(name: str, family: str) -> str:
    """In-memory parameter name to the name in the canonical file of the family."""
    if family == "qwen3":
        return name
    name = re.sub(r"^model\.visual\.", "visual.", name)
    return re.sub(r"^model\.language_model\.", "model.", name)


def write_training(family: str, processor, family_dir: Path) -> None:
    model = load_model(family_dir / "model")
    prompt, inputs, labels = training_inputs(processor)
    parameters = [(file_name(name, family), p) for name, p in model.named_parameters()]
    output, grads = gradients(model, parameters, inputs, labels)
    losses, snapshots = train_steps(model, parameters, inputs, labels)
    double_error = compare_with_double(family, family_dir, inputs, labels, grads, snapshots)

    positions, delta = rope_index(model, inputs)
    tensors = {
        "input.ids": inputs["input_ids"][0], "input.grid_thw": inputs["image_grid_thw"], "input.position_ids": positions,
        "input.delta": torch.tensor([delta]), "labels": labels[0],
        "loss": output.loss.detach().reshape(1), "logits": output.logits[0, -LAST_ROWS:],
        "grad_norms": torch.tensor([float(g.double().norm()) for g in grads.values()]),
    }
    for name, grad in grads.items():
        tensors |= compact("grad", name, grad, GRADIENT_SAMPLES, sums=True)
    for step, snapshot in snapshots.items():
        for name, value in snapshot.items():
            tensors |= compact(f"step{step}", name, value, STEP_SAMPLES, sums=False)
    write_tensors(family_dir / "train.safetensors", tensors)
    write_json(family_dir / "train.json", {
        "messages": CONVERSATION, "prompt": prompt, "images": image_names(CONVERSATION),
        "label_count": int((labels[0, 1:] != -100).sum()), "loss": float(output.loss.detach()), "losses": losses,
        "grad_norm": total_norm(grads), "adamw": ADAMW | {"steps": STEPS, "clipping": None, "decay": "every parameter"},
        "sampling": {"full_up_to": {"grad": FULL_ELEMENTS, "step": STEP_SAMPLES},
                     "samples": {"grad": GRADIENT_SAMPLES, "step": STEP_SAMPLES},
                     "stride": "max(1, ceil(count / samples)) | 1; elements 0, stride, 2 stride, ... of the flat tensor"},
        "fp32_against_fp64": double_error, "parameters": list(grads),
    })


def compare_with_double(family: str, family_dir: Path, inputs: dict, labels: torch.Tensor, grads: dict, snapshots: dict) -> dict:
    """How far the fp32 goldens themselves are from a float64 run: the floor under any tolerance.

    AdamW divides a gradient by its own size, so where a gradient is rounding noise the step is noise too: the steps are
    also compared over the elements whose gradient exceeds 1e-4 of the largest of their tensor."""
    model = load_model(family_dir / "model").double()
    inputs = {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}
    parameters = [(file_name(name, family), p) for name, p in model.named_parameters()]
    output, exact = gradients(model, parameters, inputs, labels)
    errors = {n: float((grads[n].double() - g).abs().max() / g.abs().max()) for n, g in exact.items()}
    worst = max(errors, key=errors.get)
    result = {"loss_fp64": float(output.loss.detach()), "worst_gradient": worst, "worst_max_abs_over_max": errors[worst],
              "median_max_abs_over_max": sorted(errors.values())[len(errors) // 2]}
    for step, snapshot in train_steps(model, parameters, inputs, labels)[1].items():
        apart = {n: (snapshots[step][n].double() - value).abs() for n, value in snapshot.items()}
        clear = {n: exact[n].abs() > 1e-4 * exact[n].abs().max() for n in apart}
        result[f"step{step}_largest_difference"] = max(float(d.max()) for d in apart.values())
        result[f"step{step}_largest_difference_clear"] = max(float(d[clear[n]].max()) for n, d in apart.items())
    return result


# ---- adapters ---------------------------------------------------------------------------------------------------------

GATE_TARGETS = {"qwen25": ["gate_proj"], "qwen3": ["gate_proj", "linear_fc1"]}  # each also hits the vision tower


def adapter_configs(family: str) -> dict:
    common = {"r": 4, "lora_alpha": 8, "lora_dropout": 0.0, "bias": "none", "task_type": "CAUSAL_LM"}
    return {
        "lora_lm": common | {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]},
        "lora_gate": common | {"target_modules": GATE_TARGETS[family]},
        "lora_rslora": common | {"target_modules": ["q_proj", "v_proj", "down_proj"], "use_rslora": True,
                                 "rank_pattern": {r"layers\.0\.self_attn\.q_proj": 2},
                                 "alpha_pattern": {r"layers\.1\.mlp\.down_proj": 3}},
        "lora_save": common | {"target_modules": ["q_proj", "v_proj"], "modules_to_save": ["norm"]},
    }


def randomise_adapter(model, seed_name: str) -> None:
    """A N(0, 1/in), B N(0, 0.1^2) (zero would hide A's gradient), saved norms moved off their base values."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if not p.requires_grad:
                continue
            noise = torch.randn(p.shape, generator=torch_generator(f"{seed_name} {name}"))
            if "lora_A" in name:
                p.copy_(noise / p.shape[1] ** 0.5)
            else:
                p.copy_(0.1 * noise + (0 if "lora_B" in name else p))


def adapter_key(name: str) -> str:
    """Parameter name in the PEFT model to its key in adapter_model.safetensors."""
    return name.replace(".default", "").replace(".modules_to_save", "")


def old_adapter_key(key: str) -> str:
    """The naming of adapters trained before transformers 4.52."""
    key = key.replace("base_model.model.model.visual.", "base_model.model.visual.")
    return key.replace("base_model.model.model.language_model.", "base_model.model.model.")


def write_adapter(family: str, name: str, options: dict, processor, family_dir: Path) -> None:
    folder = family_dir / name
    _, inputs, labels = training_inputs(processor)
    model = get_peft_model(load_model(family_dir / "model"), LoraConfig(**options)).eval()
    randomise_adapter(model, f"{family} {name}")
    save_adapter(model, folder)

    parameters = [(adapter_key(n), p) for n, p in model.named_parameters() if p.requires_grad]
    stored = load_file(folder / "adapter_model.safetensors")
    if {n for n, _ in parameters} != set(stored):
        raise ValueError(f"{name}: trainable parameters are not the saved tensors")
    output, grads = gradients(model, parameters, inputs, labels)
    losses, snapshots = train_steps(model, parameters, inputs, labels)
    tensors = {"loss": output.loss.detach().reshape(1), "losses": torch.tensor(losses), "logits": output.logits[0, -LAST_ROWS:],
               "grad_norm": torch.tensor([total_norm(grads)])}
    for n, grad in grads.items():
        tensors |= {f"grad.{n}": grad} if name == "lora_lm" else compact("grad", n, grad, STEP_SAMPLES, sums=True, full=64)
    for n, value in snapshots[STEPS].items():
        tensors |= compact(f"step{STEPS}", n, value, STEP_SAMPLES, sums=False)
    tensors |= merged_goldens(family, folder, family_dir, inputs)
    write_tensors(folder / "golden.safetensors", tensors)


def save_adapter(model, folder: Path) -> None:
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = "tiny"  # peft notes the folder it was loaded from
    for key in ("target_modules", "modules_to_save"):  # peft keeps sets, whose order changes from run to run
        config[key] = sorted(config[key]) if isinstance(config[key], list) else config[key]
    write_json(path, config)


def merged_goldens(family: str, folder: Path, family_dir: Path, inputs: dict) -> dict:
    """Logits after merging, and a sample of each merged weight."""
    base = dict(load_model(family_dir / "model").named_parameters())
    merged = PeftModel.from_pretrained(load_model(family_dir / "model"), folder).merge_and_unload().eval()
    with torch.no_grad():
        tensors = {"merged.logits": merged(**inputs).logits[0, -LAST_ROWS:]}
    for name, p in merged.named_parameters():
        if not torch.equal(p, base[name]):
            tensors |= compact("merged", file_name(name, family), p, STEP_SAMPLES, sums=False)
    return tensors


def write_adapters(family: str, processor, family_dir: Path) -> None:
    for name, options in adapter_configs(family).items():
        write_adapter(family, name, options, processor, family_dir)
    if family == "qwen3":
        return  # this family appeared after the names had changed
    # The same numbers under the older key names: only the two adapter files, the goldens are those of the new style.
    for name in ("lora_lm", "lora_gate"):
        old = family_dir / f"{name}_old"
        old.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(family_dir / name / "adapter_config.json", old / "adapter_config.json")
        tensors = load_file(family_dir / name / "adapter_model.safetensors")
        write_tensors(old / "adapter_model.safetensors", {old_adapter_key(k): v for k, v in tensors.items()})
