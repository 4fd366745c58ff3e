"""gad for Python: products that find anomalies in pictures, over the shared library libgad.so.0 by ctypes.

    import gad
    product = gad.learn(["good/1.png", "good/2.png"], name="bottle")   # or gad.Product("bottle.gad")
    result = product.inspect("part.png")        # a path, the bytes of a file, or an array of uint8
    print(result.verdict, result.score, [box.corners for box in result.boxes])

An array has the shape (height, width) or (height, width, 3), red first; anything with Python's buffer protocol is one, so numpy
is not needed. The library is taken from $GAD_LIBRARY, else from gad_library/ beside this file, else as the system finds it.
"""
import ctypes
import json
import math
import os
import threading
from ctypes import (POINTER, byref, c_bool, c_char, c_char_p, c_double, c_float, c_int, c_int64, c_size_t, c_void_p)

__all__ = ["Box", "Error", "Product", "Result", "learn"]


class CError(ctypes.Structure):
    """gad_error"""
    _fields_ = [("code", c_int), ("operation", c_char * 64), ("cause", c_char * 1024), ("hint", c_char * 512)]


class CMeasurement(ctypes.Structure):
    """gad_measurement"""
    _fields_ = [("length_px", c_double), ("breadth_px", c_double), ("area_px", c_double), ("share", c_double),
                ("direction_deg", c_double), ("lightness", c_double), ("red_green", c_double), ("yellow_blue", c_double),
                ("roughness", c_double), ("contour", c_double), ("like_x", c_double), ("like_y", c_double),
                ("unusual", c_double), ("basis", c_int), ("content", c_int), ("other", c_int)]


class CDefect(ctypes.Structure):
    """gad_defect"""
    _fields_ = [("x1", c_double), ("y1", c_double), ("x2", c_double), ("y2", c_double), ("valid", c_bool),
                ("label", c_char_p), ("measured", c_bool), ("measurement", CMeasurement)]


class CInspection(ctypes.Structure):
    """gad_inspection"""
    _fields_ = [("verdict", c_int), ("score", c_double), ("reasoned", c_bool), ("score_fast", c_double),
                ("score_reasoned", c_double), ("threshold", c_double), ("threshold_source", c_char * 96),
                ("disagreement", c_bool), ("distance", c_double), ("distance_limit", c_double), ("nearest", c_int64),
                ("defect", POINTER(CDefect)), ("defect_count", c_int), ("reasoning", c_char_p), ("found", c_char_p),
                ("raw", c_char_p), ("flags", c_char_p), ("truncated", c_bool), ("width_px", c_int),
                ("height_px", c_int), ("input_width_px", c_int), ("input_height_px", c_int),
                ("prompt_tokens", c_int64), ("computed_tokens", c_int64), ("answer_tokens", c_int64),
                ("heat", POINTER(c_float)), ("heat_width", c_int), ("heat_height", c_int), ("difference", c_double),
                ("encode_ms", c_double), ("prompt_ms", c_double), ("answer_ms", c_double), ("prompt_hash", c_char * 33)]


class CLearnSettings(ctypes.Structure):
    """gad_learn_settings"""
    _fields_ = [("name", c_char_p), ("backbone", c_char_p), ("device", c_char_p), ("head", c_char_p),
                ("threads", c_int), ("roi", POINTER(c_double)), ("mask", c_char_p), ("side_px", c_int64),
                ("smallest_share", c_double), ("smallest_px", c_double), ("mirror", c_bool),
                ("max_rows", c_int64), ("rate", c_double), ("confidence", c_double), ("guarantee", c_bool),
                ("on_unread", c_void_p), ("user", c_void_p)]


STRUCTS = {"gad_error": CError, "gad_measurement": CMeasurement, "gad_defect": CDefect,
           "gad_inspection": CInspection, "gad_learn_settings": CLearnSettings}


class Error(Exception):
    """What went wrong: operation, cause, and hint (what can be done; may be empty)."""

    def __init__(self, operation, cause, hint=""):
        super().__init__(f"cannot {operation}: {cause}" + (f" ({hint})" if hint else ""))
        self.operation, self.cause, self.hint = operation, cause, hint


def _load():
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gad_library", "libgad.so.0")
    path = os.environ.get("GAD_LIBRARY") or (beside if os.path.exists(beside) else "libgad.so.0")
    try:
        library = ctypes.CDLL(path)
    except OSError as why:
        raise Error("load the library", str(why), "install gad, or name libgad.so.0 in GAD_LIBRARY") from None
    pointer, error, text = POINTER(c_void_p), POINTER(CError), POINTER(c_char_p)
    result = POINTER(CInspection)
    for name, returns, arguments in [
            ("gad_verdict_name", c_char_p, [c_int]),
            ("gad_text_free", None, [c_void_p]),
            ("gad_picture_load", c_int, [c_char_p, pointer, error]),
            ("gad_picture_decode", c_int, [c_char_p, c_size_t, pointer, error]),
            ("gad_picture_from_rgb", c_int, [c_char_p, c_int, c_int, c_size_t, pointer, error]),
            ("gad_picture_from_grey", c_int, [c_char_p, c_int, c_int, c_size_t, pointer, error]),
            ("gad_picture_free", None, [c_void_p]),
            ("gad_learn_settings_default", CLearnSettings, []),
            ("gad_product_learn", c_int, [text, c_int64, POINTER(CLearnSettings), c_void_p, pointer, error]),
            ("gad_product_open", c_int, [c_char_p, c_char_p, c_int, pointer, error]),
            ("gad_product_save", c_int, [c_void_p, c_char_p, error]),
            ("gad_product_free", None, [c_void_p]),
            ("gad_product_inspect", c_int, [c_void_p, c_void_p, c_double, result, error]),
            ("gad_inspection_json", c_int, [result, c_char_p, text, c_int, pointer, error]),
            ("gad_inspection_clear", None, [result])]:
        function = getattr(library, name)
        function.restype, function.argtypes = returns, arguments
    return library


_library = _load()


def _call(function, *arguments):
    error = CError()
    if function(*arguments, byref(error)):
        raise Error(*(part.decode("utf-8", "replace") for part in (error.operation, error.cause, error.hint)))


def _picture_from_array(array, picture):
    view = memoryview(array)
    if view.format != "B" or view.ndim not in (2, 3) or (view.ndim == 3 and view.shape[2] != 3):
        raise Error("read an array", f"items of format {view.format} in the shape {view.shape}",
                    "give uint8 of the shape (height, width) or (height, width, 3)")
    height, width = view.shape[:2]
    make, channels = ((_library.gad_picture_from_rgb, 3) if view.ndim == 3 else (_library.gad_picture_from_grey, 1))
    # tobytes() gives rows one after another, whatever the array's strides are
    _call(make, view.tobytes(), width, height, width * channels, byref(picture))


def _picture(part):
    """A gad_picture of a path, of a file's bytes or of an array; the caller frees it."""
    picture = c_void_p()
    if isinstance(part, (str, os.PathLike)):
        _call(_library.gad_picture_load, os.fsencode(part), byref(picture))
    elif isinstance(part, (bytes, bytearray)):
        _call(_library.gad_picture_decode, bytes(part), len(part), byref(picture))
    else:
        _picture_from_array(part, picture)
    return picture


class Box:
    """Where something was found: corners x1, y1, x2, y2 in pixels of the part, x2 and y2 exclusive, and a label or ""."""

    def __init__(self, defect):
        self.corners = (defect.x1, defect.y1, defect.x2, defect.y2)
        self.label = (defect.label or b"").decode()


class Result:
    """Of one part: verdict ("normal", "anomalous", "unfamiliar", "unreadable"), score, threshold, boxes, found (what was
    measured of each region, in words), width, height in pixels, and json (the line of `gad inspect --json`, as a dict)."""

    def __init__(self, c, name):
        self.verdict = _library.gad_verdict_name(c.verdict).decode()
        self.score, self.threshold = c.score, c.threshold
        self.boxes = [Box(c.defect[i]) for i in range(c.defect_count)]
        self.found = (c.found or b"").decode().splitlines()
        self.width, self.height = c.width_px, c.height_px
        self._rows = [c.heat[y * c.heat_width:(y + 1) * c.heat_width] for y in range(c.heat_height)] if c.heat else None
        line = c_void_p()
        _call(_library.gad_inspection_json, byref(c), os.fsencode(name), None, 0, byref(line))
        try:
            self.json = json.loads(ctypes.string_at(line.value))
        finally:
            _library.gad_text_free(line)

    def heat(self):
        """Probability of an anomaly in each cell over the whole part: a numpy array, a list of rows where numpy is not
        installed, None where there is no map."""
        try:
            import numpy
        except ImportError:
            return self._rows
        return None if self._rows is None else numpy.array(self._rows, numpy.float32)


class Product:
    """A kind of part, as `gad learn` wrote it. Threads may share one: inspections take turns."""

    def __init__(self, path, features=None, threads=0):
        self._handle, self._turn = c_void_p(), threading.Lock()
        _call(_library.gad_product_open, os.fsencode(path), features and os.fsencode(features), threads,
              byref(self._handle))

    def inspect(self, part, threshold=math.nan, name=""):
        """The Result of a part: a path, the bytes of a file, or an array. `threshold` of the score, 0 to 1; without it, the
        product's own. `name` is the part's in the JSON form; a path names itself."""
        if isinstance(part, (str, os.PathLike)):
            name = name or os.fspath(part)
        picture, result = _picture(part), CInspection()
        try:
            with self._turn:
                _call(_library.gad_product_inspect, self._handle, picture, threshold, byref(result))
            try:
                return Result(result, name)
            finally:
                _library.gad_inspection_clear(byref(result))
        finally:
            _library.gad_picture_free(picture)

    def save(self, path):
        """Write the file that Product(path) and `gad inspect --product` open."""
        with self._turn:
            _call(_library.gad_product_save, self._handle, os.fsencode(path))

    def __del__(self):
        if getattr(self, "_handle", None):
            _library.gad_product_free(self._handle)
            self._handle = None


def learn(good, **settings):
    """The Product of good parts, an iterable of paths. Settings are the members of gad_learn_settings in gad_product.h:
    name, backbone, device, threads, side_px, smallest_share, smallest_px, mirror, max_rows, rate, confidence, guarantee."""
    paths, chosen = [os.fsencode(path) for path in good], _library.gad_learn_settings_default()
    known = [field[0] for field in CLearnSettings._fields_]
    for key, value in settings.items():
        if key not in known:
            raise TypeError(f"learn() has no setting {key!r}")
        setattr(chosen, key, os.fsencode(value) if isinstance(value, (str, os.PathLike)) else value)
    product = Product.__new__(Product)
    product._handle, product._turn = c_void_p(), threading.Lock()
    _call(_library.gad_product_learn, (c_char_p * max(len(paths), 1))(*paths), len(paths), byref(chosen), None,
          byref(product._handle))
    return product
