"""tools/check_layers.py on small repositories made for the purpose."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import check_layers  # noqa: E402


def problems(files):
    """What the check says about a repository of these files: {path: text}."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return list(check_layers.check(root))


class CheckLayers(unittest.TestCase):
    def test_allows_earlier_layers(self):
        files = {
            "src/nn/linear.h": "#include <ATen/core/Tensor.h>\n",
            "src/methods/saliency.cpp": '#include "nn/linear.h"\n#include <torch/types.h>\n',
            "src/base/text.h": '#include "inseq/error.h"\n',
            "include/inseq/error.h": "#include <string>\n",
        }
        self.assertEqual(problems(files), [])

    def test_refuses_later_layers(self):
        files = {"src/nn/linear.cpp": '\n#include "engine/plan.h"\n', "src/engine/plan.h": ""}
        self.assertEqual(problems(files), ['src/nn/linear.cpp:2: "engine/plan.h": nn comes before engine'])

    def test_sees_through_relative_includes(self):
        files = {"src/io/a.h": '#include "../text/b.h"\n', "src/text/b.h": ""}
        self.assertEqual(problems(files), ['src/io/a.h:1: "../text/b.h": io comes before text'])

    def test_public_headers_are_data(self):
        files = {"src/base/a.cpp": '#include "inseq/attribution.h"\n', "include/inseq/attribution.h": ""}
        self.assertEqual(problems(files), ['src/base/a.cpp:1: "inseq/attribution.h": base comes before data'])

    def test_public_headers_include_public_headers_only(self):
        files = {"include/inseq/a.h": '#include "data/b.h"\n', "src/data/b.h": ""}
        self.assertEqual(
            problems(files), ['include/inseq/a.h:1: "data/b.h": an installed header includes installed headers only']
        )

    def test_keeps_tensors_out_of_files(self):
        self.assertEqual(
            problems({"src/io/a.cpp": "#include <torch/types.h>\n"}),
            ["src/io/a.cpp:1: <torch/types.h>: src/io knows no tensors"],
        )
        self.assertEqual(
            problems({"src/text/a.cpp": '#include "inseq/attribution.h"\n', "include/inseq/attribution.h": ""}),
            ['src/text/a.cpp:1: "inseq/attribution.h": it holds tensors, and src/text knows none'],
        )

    def test_knows_that_attribution_json_holds_tensors(self):
        self.assertEqual(problems({"src/io/attribution_json_read.cpp": "#include <ATen/core/Tensor.h>\n"}), [])

    def test_keeps_headers_light(self):
        self.assertEqual(
            problems({"src/nn/a.h": "#include <c10/core/Device.h>\n#include <torch/types.h>\n"}),
            ["src/nn/a.h:2: <torch/types.h>: headers include <ATen/core/Tensor.h> at most"],
        )

    def test_refuses_unknown_folders(self):
        found = problems({"src/misc/a.cpp": ""})
        self.assertEqual(len(found), 1)
        self.assertIn("src/misc/a.cpp:1: its folder is no layer", found[0])


if __name__ == "__main__":
    unittest.main()
