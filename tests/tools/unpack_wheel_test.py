"""tools/setup/unpack_wheel.py on a small wheel made for the purpose."""

import pathlib
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "setup"))
from unpack_wheel import unpack  # noqa: E402


class UnpackWheel(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.wheel = str(self.folder / "torch.whl")
        with zipfile.ZipFile(self.wheel, "w") as archive:
            for name in ("torch/lib/libc10.so", "torch/lib/libtorch_cuda.so", "torch/include/a.h", "../escaped"):
                archive.writestr(name, name)

    def unpacked(self, *patterns):
        unpack(self.wheel, self.folder / "out", patterns)
        return sorted(str(p.relative_to(self.folder / "out")) for p in (self.folder / "out").rglob("*") if p.is_file())

    def test_takes_what_matches(self):
        found = self.unpacked("torch/include/*", "torch/lib/libc10.so")
        self.assertEqual(found, ["torch/include/a.h", "torch/lib/libc10.so"])

    def test_says_what_is_missing(self):
        with self.assertRaisesRegex(SystemExit, "holds nothing like torch/lib/libtorch_cpu.so"):
            self.unpacked("torch/lib/libtorch_cpu.so")

    def test_stays_inside_the_folder(self):
        self.unpacked("*escaped")
        self.assertFalse((self.folder / "escaped").exists())


if __name__ == "__main__":
    unittest.main()
