"""Makes the reference files in tests/unit/io/data with the Python packages that define the formats, and
copies some to tests/fuzz/corpus.

    python tests/unit/io/make_data.py    (torch, safetensors, gguf, numpy)

Versions used last: torch 2.13.0, safetensors 0.8.0, gguf 0.19.0, numpy 2.4.6.
"""

import json
import pathlib
import shutil

import gguf
import numpy as np
import safetensors.numpy
import safetensors.torch
import torch

DATA = pathlib.Path(__file__).parent / "data"
CORPUS = pathlib.Path(__file__).parents[2] / "fuzz" / "corpus"
BLOCK_TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
# Byte offsets of the half-precision scales in a block, which must not become infinite or NaN.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


def random_blocks(name, rng):
    """Two random blocks of a type as bytes, with scales of all magnitudes, subnormal ones included."""
    size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]][1]
    blocks = rng.integers(0, 256, (2, size), dtype=np.uint8)
    for row, block in enumerate(blocks):
        for at in SCALES[name]:
            scale = rng.standard_normal() * (1e-6 if row else 0.05)
            block[at : at + 2] = np.array([scale], np.float16).view(np.uint8)
    return blocks.reshape(-1)


def make_quantised():
    """Blocks and what the gguf package makes of them."""
    rng = np.random.default_rng(7)
    tensors = {}
    for name in BLOCK_TYPES:
        blocks = random_blocks(name, rng)
        tensors[f"{name}.blocks"] = blocks
        tensors[f"{name}.values"] = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType[name])
    safetensors.numpy.save_file(tensors, DATA / "quantised.safetensors")


def make_floats():
    """16-bit and 8-bit floats with their float32 values: special ones, and all 256 of the 8-bit kinds."""
    half = np.array([0, 1, 2, 0x3FF, 0x400, 0x3C00, 0x7BFF, 0x7C00, 0x8000, 0x8001, 0xFC00, 0xC123, 0x7E00], np.uint16)
    brain = torch.from_numpy(np.array([0, 1, 0x3F80, 0x7F80, 0x8000, 0xFF80, 0x4049], np.uint16)).view(torch.bfloat16)
    codes = torch.arange(256, dtype=torch.uint8)
    tensors = {
        "half": torch.from_numpy(half).view(torch.float16),
        "bfloat16": brain,
        "e4m3": codes.view(torch.float8_e4m3fn),
        "e5m2": codes.clone().view(torch.float8_e5m2),
    }
    tensors |= {f"{name}.values": tensor.float() for name, tensor in tensors.items()}
    safetensors.torch.save_file(tensors, DATA / "floats.safetensors")


def small_tensors():
    """One tensor of each plain type; contiguous."""
    return {
        "f64": torch.tensor([[1.5, -2.0, 3.25]], dtype=torch.float64),
        "f32": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4,
        "f16": torch.tensor([0.5, -1.0], dtype=torch.float16),
        "bf16": torch.tensor([[[2.0]], [[-0.125]]], dtype=torch.bfloat16),
        "i64": torch.tensor([1, -(2**40)]),
        "i32": torch.tensor([7, -8, 9], dtype=torch.int32),
        "i16": torch.tensor([-300], dtype=torch.int16),
        "i8": torch.tensor([-1, 127], dtype=torch.int8),
        "u8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(42.0),
        "empty": torch.zeros(0, 4),
    }


def make_safetensors():
    safetensors.torch.save_file(small_tensors(), DATA / "small.safetensors", metadata={"format": "pt"})
    folder = DATA / "sharded_safetensors"
    folder.mkdir()
    make_shards(folder, "model", "safetensors", safetensors.torch.save_file)


def make_shards(folder, stem, ending, save):
    shards = {
        f"{stem}-00001-of-00002.{ending}": {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([[3.0]])},
        f"{stem}-00002-of-00002.{ending}": {"c": torch.tensor([4.0])},
    }
    for name, tensors in shards.items():
        save(tensors, folder / name)
    index = {
        "metadata": {"total_size": 16},
        "weight_map": {tensor: name for name, tensors in shards.items() for tensor in tensors},
    }
    (folder / f"{stem}.{ending}.index.json").write_text(json.dumps(index, indent=1) + "\n")


def make_torch_bin():
    torch.manual_seed(0)
    shared = torch.arange(12, dtype=torch.float32)
    awkward = {
        "transposed": torch.arange(6, dtype=torch.float32).reshape(2, 3).t(),
        "expanded": torch.tensor([5.0, 6.0]).reshape(2, 1).expand(2, 3),
        "shared_row": shared.reshape(3, 4)[1],
        "shared_column": shared.reshape(3, 4)[:, 2],
        "every_other": torch.arange(8, dtype=torch.int16)[1::2],
        "parameter": torch.nn.Parameter(torch.tensor([1.25, -1.25])),
        "float8": torch.tensor([1.0, -3.5]).to(torch.float8_e4m3fn),
    }
    torch.save(small_tensors(), DATA / "small.bin")
    torch.save(awkward, DATA / "awkward.bin", pickle_protocol=4)
    torch.save(torch.nn.Linear(2, 1).state_dict(), DATA / "state_dict.bin")  # an OrderedDict with _metadata
    torch.save({"a": torch.ones(1)}, DATA / "legacy.bin", _use_new_zipfile_serialization=False)
    torch.save({"model": {"a": torch.ones(1)}, "epoch": 3}, DATA / "training.bin")
    torch.save(torch.nn.Linear(1, 1), DATA / "module.bin")
    folder = DATA / "sharded_bin"
    folder.mkdir()
    make_shards(folder, "pytorch_model", "bin", torch.save)


def make_gguf():
    writer = gguf.GGUFWriter(DATA / "small.gguf", "llama")
    writer.add_uint8("test.u8", 200)
    writer.add_int8("test.i8", -5)
    writer.add_uint16("test.u16", 60000)
    writer.add_int16("test.i16", -30000)
    writer.add_uint32("test.u32", 4_000_000_000)
    writer.add_int32("test.i32", -2_000_000_000)
    writer.add_uint64("test.u64", 2**63)
    writer.add_int64("test.i64", -(2**40))
    writer.add_float32("test.f32", 0.25)
    writer.add_float64("test.f64", -0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "häuser")
    writer.add_array("test.ints", [1, -2, 3])
    writer.add_array("test.strings", ["Ġthe", ""])
    writer.add_array("test.nested", [[1, 2], [3, 4]])
    rng = np.random.default_rng(3)
    writer.add_tensor("f32", np.arange(6, dtype=np.float32).reshape(2, 3))
    writer.add_tensor("f16", np.array([[0.5], [-2.0]], np.float16))
    writer.add_tensor("i32", np.array([5, -6], np.int32))
    blocks = gguf.quants.quantize(rng.standard_normal((2, 64), dtype=np.float32), gguf.GGMLQuantizationType.Q4_1)
    writer.add_tensor("q4_1", blocks, raw_dtype=gguf.GGMLQuantizationType.Q4_1)
    writer.add_tensor("q4_1.values", gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType.Q4_1))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_corpus():
    """The files that the fuzz targets start from: small valid ones of each reader."""
    seeds = {
        "safetensors": ["small.safetensors"],
        "torch_bin": ["state_dict.bin", "awkward.bin"],
        "gguf": ["small.gguf"],
        "weight_map": ["sharded_safetensors/model.safetensors.index.json"],
    }
    for reader, names in seeds.items():
        folder = CORPUS / reader
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copyfile(DATA / name, folder / pathlib.Path(name).name)


def main():
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir()
    make_quantised()
    make_floats()
    make_safetensors()
    make_torch_bin()
    make_gguf()
    make_corpus()


if __name__ == "__main__":
    main()
