"""test_gad.py SOURCE GAD CC: the module against the headers (layouts) and against the program (what it says of parts)."""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import gad

try:
    import numpy
except ImportError:
    numpy = None

SOURCE, PROGRAM, CC = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
GOOD = SOURCE / "samples/bottle/train/good/good.jpg"
PARTS = [SOURCE / "samples/bottle/test/good/part_1.jpg", SOURCE / "samples/bottle/test/texture_defect/part_2.jpg"]
TIMES = {"encode_ms", "prompt_ms", "answer_ms"}


def same(line):
    return {key: value for key, value in line.items() if key not in TIMES}


def photograph(width, height):
    """Pixels of a plate in red, green and blue, all different, so that turned or swapped ones would show."""
    return bytes(value for y in range(height) for x in range(width) for value in (x * 2 % 256, y * 2 % 256, (x + y) % 256))


class Layouts(unittest.TestCase):
    def test_structs_are_those_of_the_headers(self):
        lines, expected = [], []
        for name, struct in gad.STRUCTS.items():
            lines.append(f'printf("%zu\\n", sizeof({name}));')
            expected.append(gad.ctypes.sizeof(struct))
            for field, _ in struct._fields_:
                lines.append(f'printf("%zu %zu\\n", offsetof({name}, {field}), sizeof((({name} *)0)->{field}));')
                expected.append((getattr(struct, field).offset, getattr(struct, field).size))
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "layout.c")
            program.write_text("#include <stddef.h>\n#include <stdio.h>\n#include <gad_product.h>\nint main(void) {\n"
                               + "\n".join(lines) + "\n}\n")
            subprocess.run([CC, "-I", SOURCE / "include", program, "-o", Path(folder, "layout")], check=True)
            printed = subprocess.check_output([Path(folder, "layout")], text=True).splitlines()
        self.assertEqual([" ".join(map(str, e)) if isinstance(e, tuple) else str(e) for e in expected], printed)


class Products(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = Path(cls.folder.name, "bottle.gad")
        cls.learnt = gad.learn([GOOD], name="bottle", side_px=224)
        cls.learnt.save(cls.path)
        cls.product = gad.Product(cls.path)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def program_says(self, parts):
        run = subprocess.run([PROGRAM, "inspect", "--quiet", "--product", self.path, "--json", *parts], check=True,
                             stdout=subprocess.PIPE, text=True)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def test_says_what_the_program_says(self):
        for line, part in zip(self.program_says(PARTS), PARTS):
            result = self.product.inspect(part)
            self.assertEqual(same(result.json), same(line))
            self.assertEqual(result.verdict, line["verdict"])
            self.assertAlmostEqual(result.score, line["score"], places=5)
            self.assertEqual([[round(x, 2) for x in box.corners] for box in result.boxes],
                             [box["bbox_2d"] for box in line["boxes"]])
            self.assertEqual((result.width, result.height), (line["width"], line["height"]))
        self.assertEqual(len(result.found) > 0, len(result.boxes) > 0)

    def test_what_was_learnt_is_what_was_saved(self):
        self.assertEqual(same(self.learnt.inspect(PARTS[1]).json), same(self.product.inspect(PARTS[1]).json))

    def test_bytes_are_the_file(self):
        result = self.product.inspect(PARTS[1].read_bytes(), name=str(PARTS[1]))
        self.assertEqual(same(result.json), same(self.product.inspect(PARTS[1]).json))

    def test_an_array_is_the_picture(self):
        for kind, channels in (("P6", 3), ("P5", 1)):
            pixels = photograph(96, 80)[::3 // channels]
            shape = [80, 96, 3] if channels == 3 else [80, 96]
            result = self.product.inspect(memoryview(pixels).cast("B", shape))
            self.assertEqual((result.width, result.height), (96, 80), kind)
            png = self.product.inspect(png_of(pixels, 96, 80, channels))
            self.assertEqual(same(result.json), same(png.json), kind)

    def test_the_threshold_decides(self):
        self.assertEqual(self.product.inspect(GOOD, threshold=1).threshold, 1)

    def test_heat_map(self):
        result = self.product.inspect(PARTS[1])
        rows = result.heat()
        self.assertGreater(len(rows), 1)
        self.assertEqual(len({len(row) for row in rows}), 1)
        self.assertAlmostEqual(max(max(row) for row in rows), result.json["difference"], places=5)

    @unittest.skipUnless(numpy, "numpy is not installed")
    def test_numpy(self):
        pixels = numpy.frombuffer(photograph(96, 80), numpy.uint8).reshape(80, 96, 3)
        plain, strided = self.product.inspect(pixels), self.product.inspect(numpy.asfortranarray(pixels))
        self.assertEqual(same(plain.json), same(strided.json))
        self.assertEqual(plain.heat().dtype, numpy.float32)


class Errors(unittest.TestCase):
    def test_have_a_cause_and_a_hint(self):
        with self.assertRaises(gad.Error) as raised:
            gad.Product("/nowhere/bottle.gad")
        self.assertIn("/nowhere/bottle.gad", raised.exception.cause)
        with self.assertRaises(gad.Error):
            gad.learn([])
        with self.assertRaises(TypeError):
            gad.learn([GOOD], colour="red")

    def test_arrays_of_other_kinds_are_refused(self):
        product = gad.learn([GOOD], side_px=224)
        for wrong in (memoryview(bytes(64)).cast("B", [4, 4, 4]), memoryview(bytes(64)).cast("f", [4, 4])):
            with self.assertRaises(gad.Error) as raised:
                product.inspect(wrong)
            self.assertIn("uint8", raised.exception.hint)
        with self.assertRaises(gad.Error):
            product.inspect(b"no picture")


def png_of(pixels, width, height, channels):
    """The bytes of a PNG file, by the format's description: a filter byte (none) before every row."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    step = width * channels
    rows = b"".join(b"\0" + pixels[y * step:(y + 1) * step] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


if __name__ == "__main__":
    if not numpy:
        print("SKIPPED python_numpy: numpy is not installed")
    unittest.main(argv=sys.argv[:1])
