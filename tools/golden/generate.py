"""Makes tests/golden/expected from tests/golden/cases with Python Inseq.

usage: generate.py [CASE ...]      (all cases without arguments)

Every call of Inseq runs in a fresh process, because Inseq keeps state between calls: each is forked from a server that
has only imported Inseq. What is checked on the way:

- A case with several texts is also run one text at a time. Where the two differ, Inseq's answer depends on the
  padding of the batch; the case must then have an "oddity", and the right answer is kept beside Inseq's.
- A case with "inseq_fails" must fail in Inseq with that message; the answer kept is that of the call with the
  changes under "instead": arguments to replace, "one_at_a_time", or one of FLAGS (run_case.py says what they repair).
  With an "oddity", "instead" gives the right answer.
"""

import concurrent.futures
import hashlib
import json
import multiprocessing
import os
import platform
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "tests" / "golden"
SIZE_LIMIT = 200_000
FLAGS = (
    "repair", "keep_pad_tokens", "scale_once", "separate_tables", "keep_source", "unscaled_head", "stop_at_end",
    "unroll_windows", "read_baselines", "layer_of_target",
)


def work(job, out):
    sys.path.insert(0, str(HERE))
    import run_case  # noqa: PLC0415  (only in the processes that need it)

    run_case.work(job, out)


def run_job(job):
    """(JSON, tensors) of one call in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        process = multiprocessing.get_context("forkserver").Process(target=work, args=(job, out))
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(f"{job['name']}: the process ended with {process.exitcode}")
        return json.loads(Path(f"{out}.json").read_text(encoding="utf-8")), load_file(f"{out}.safetensors")


def start_server():
    """The process from which the others are forked: one thread, no network, no GPU."""
    os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", TQDM_DISABLE="1")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    multiprocessing.get_context("forkserver").set_forkserver_preload(["run_case"])


def make_job(name, case, changes=None):
    changes = dict(changes or {})
    flags = {flag: changes.pop(flag, False) for flag in FLAGS}
    return {
        "name": name,
        "model": case["model"],
        "method": case.get("method"),
        "load": case.get("load", {}),
        "task": case.get("task", "attribute"),
        "arguments": {**case["arguments"], **changes},
        "store": case.get("store"),
        **flags,
    }


def has_encoder(model):
    if model == "default":
        return False
    if model.startswith("demo:"):
        return True
    description = json.loads((GOLDEN / "models" / f"{model}.json").read_text(encoding="utf-8"))
    return "decoder_start_token_id" in description["config"]


def alone_changes(case, index):
    """Changes that run one text of a batch by itself, decoded as in a batch: without special tokens."""
    arguments, changes = case["arguments"], {"repair": True}
    changes["input_texts"] = [arguments["input_texts"][index]]
    if "generated_texts" in arguments:
        changes["generated_texts"] = [arguments["generated_texts"][index]]
    elif not has_encoder(case["model"]):
        changes["generation_args"] = {**arguments.get("generation_args", {}), "skip_special_tokens": True}
    return changes


def normalised_error(found, expected):
    """max |found - expected| / max |expected|; infinite where shapes or NaNs differ."""
    if found.shape != expected.shape or not np.array_equal(np.isnan(found), np.isnan(expected)):
        return np.inf
    scale = np.nanmax(np.abs(expected), initial=0)
    error = np.nanmax(np.abs(found - expected), initial=0)
    return error / scale if scale else error


def differences(given, tensors, right, right_tensors, bound):
    """What differs between Inseq's answer and the right one."""
    found = []
    for i, (sequence, other) in enumerate(zip(given["sequences"], right["sequences"], strict=True)):
        found += [f"sequence {i}: {key}" for key in sequence if sequence[key] != other[key]]
    for text, other in zip(given["info"]["generated_texts"], right["generated_texts"], strict=True):
        if text != other:
            found.append(f"generated {text!r}, right {other!r}")
    for key, value in tensors.items():
        if key.startswith("steps."):
            continue
        if key not in right_tensors:
            found.append(f"{key} is missing")
        elif value.shape != right_tensors[key].shape:
            found.append(f"{key} is {list(value.shape)}, right {list(right_tensors[key].shape)}")
        elif normalised_error(value, right_tensors[key]) > bound:
            found.append(f"{key} by {normalised_error(value, right_tensors[key]):.2g}")
    return found


def run_alone(name, case):
    """All texts of a case, one at a time; tensors are numbered as in a batch."""
    result, tensors = {"sequences": [], "generated_texts": []}, {}
    for i in range(len(case["arguments"]["input_texts"])):
        one, one_tensors = run_job(make_job(f"{name}, text {i}", case, alone_changes(case, i)))
        if "error" in one:
            sys.exit(f"{name}: text {i} alone fails: {one['error']}")
        result["sequences"] += one["sequences"]
        result["generated_texts"] += one["info"]["generated_texts"]
        result["tensors"] = one["tensors"]
        tensors.update({str(i) + key[1:]: value for key, value in one_tensors.items() if key.startswith("0.")})
    return result, tensors


def run_instead(name, case):
    if case["instead"].get("one_at_a_time"):
        return run_alone(name, case)
    result, tensors = run_job(make_job(name, case, case["instead"]))
    if "error" in result:
        sys.exit(f'{name}: fails with "instead" too: {result["error"]}')
    return result, tensors


def run_right(name, case):
    """The answer without Inseq's oddities, or None when there is nothing to compare with."""
    texts = case["arguments"]["input_texts"]
    if "instead" in case:
        right, tensors = run_instead(name, case)
        right = {"sequences": right["sequences"], "generated_texts": right["info"]["generated_texts"]}
    elif case.get("task") != "generate" and isinstance(texts, list) and len(texts) > 1:
        right, tensors = run_alone(name, case)
        del right["tensors"]
    else:
        return None
    return right, tensors


def run_case(name):
    case = json.loads((GOLDEN / "cases" / f"{name}.json").read_text(encoding="utf-8"))
    expected, tensors = run_job(make_job(name, case))
    fails = case.get("inseq_fails")
    if ("error" in expected) != (fails is not None) or (fails and fails not in expected["error"]):
        sys.exit(f"{name}: expected {fails or 'no error'}, Inseq gave {expected.get('error', 'a result')}")
    if fails:
        expected, tensors = run_instead(name, case)
    elif answer := run_right(name, case):
        right, right_tensors = answer
        found = differences(expected, tensors, right, right_tensors, case["bound"])
        if bool(found) != ("oddity" in case):
            sys.exit(f"{name}: Inseq is wrong in {found or 'nothing'}; the case says otherwise")
        if found:
            expected.update(right=right, differs=found)
            tensors.update({f"right.{key}": value for key, value in right_tensors.items()})
    entries = expected.pop("tensors")
    write_expected(name, expected, tensors)
    return case["model"], entries


def dump(value, depth=0):
    """JSON with one entry a line down to lists of tokens, which stay on one line."""
    pad = "  " * (depth + 1)
    if isinstance(value, dict) and value and depth < 3:
        body = ",\n".join(f"{pad}{json.dumps(key, ensure_ascii=False)}: {dump(item, depth + 1)}"
                          for key, item in value.items())
        return "{\n" + body + "\n" + pad[2:] + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(pad + dump(item, depth + 1) for item in value) + "\n" + pad[2:] + "]"
    return json.dumps(value, ensure_ascii=False)


def write_expected(name, expected, tensors):
    folder = GOLDEN / "expected"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(dump(expected) + "\n", encoding="utf-8")
    file = folder / f"{name}.safetensors"
    file.unlink(missing_ok=True)
    if tensors:
        file.write_bytes(save(dict(sorted(tensors.items()))))
        if file.stat().st_size > SIZE_LIMIT:
            sys.exit(f'{name}: {file.stat().st_size} bytes of tensors; use "store" to keep less')


def write_models(entries):
    """Lists of tensors, from which C++ writes the same models."""
    folder = GOLDEN / "expected" / "models"
    folder.mkdir(parents=True, exist_ok=True)
    for model, tensors in entries.items():
        (folder / f"{model}.json").write_text(dump(tensors) + "\n", encoding="utf-8")


def write_manifest():
    packages = ("torch", "transformers", "inseq", "tokenizers", "numpy", "safetensors", "captum", "gguf", "accelerate")
    files = [path for folder in ("cases", "models", "tokenizers") for path in sorted((GOLDEN / folder).rglob("*"))
             if path.is_file()]
    manifest = {
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in packages},
        "sha256": {str(path.relative_to(GOLDEN)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }
    (GOLDEN / "MANIFEST.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def main():
    known = sorted(path.stem for path in (GOLDEN / "cases").glob("*.json"))
    names = sys.argv[1:] or known
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"no such case: {', '.join(unknown)}; there are {', '.join(known)}")
    start_server()
    models, failed = {}, 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {name: pool.submit(run_case, name) for name in names}
        for name, job in jobs.items():
            try:
                model, entries = job.result()
                models.update({model: entries} if entries else {})
                print(f"made {name}", flush=True)
            except SystemExit as problem:
                failed += 1
                print(f"FAILED {problem}", flush=True)
    write_models(models)
    write_manifest()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
