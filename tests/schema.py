"""The JSON Schema of a spec, against the compiler: every spec that compiles is valid; every golden spec that is wrong in
a way that a schema can see is refused. Which ways these are is said here by the compiler's own messages.
Called with the program and the folder of the sources."""
import glob
import json
import re
import subprocess
import sys

import jsonschema
import yaml

VISIBLE = [
    r"unknown key '.*' in (a spec|the schedule|'checkpoint')",
    r"the spec has no '(schedule|players)'",
    r"'.*' is a mapping from names to what they mean",
    r"^'.*' has no value",
    r"'(state|ranges|log)' is a mapping",
    r"unknown key '.*' of a source of kind",
    r"there is no kind of source",
    r"a data source (names its kind|is a mapping)",
    r"a field is reworked by a list of layers",
    r"a (function|network) is written with its arguments",
    r"takes no arguments here",
    r"'.*' is a mapping: its keys stand under it",
    r"'checkpoint' is a mapping",
    r"'together' is a list of players",
    r"'each' is the list of players",
    r"the schedule is a mapping with",
    r"the schedule has neither 'steps' nor 'epochs'",
    r"'steps' and 'epochs' both say how long",
    r"'every' is a number of steps",
    r"a metric is a mapping",
    r"a metric has 'mean', or 'value'",
    r"'collect' is a mapping",
    r"an output has one of the keys",
    r"unknown key '.*' beside '",
]


def as_json(x):
    """YAML's tree as JSON has it: keys are text."""
    if isinstance(x, dict):
        return {str(k): as_json(v) for k, v in x.items()}
    if isinstance(x, list):
        return [as_json(v) for v in x]
    return x


def read(text):
    try:
        return as_json(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError):
        return None  # graphrun reads YAML in its own way, an editor in its


def keys(schema):
    """Every key that the schema describes, with where it stands."""
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items() if isinstance(schema.get("properties"), dict) else []:
            if isinstance(value, dict) and "const" not in value:
                yield name, value
        for value in schema.values():
            yield from keys(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from keys(value)


def said_of_keys(schema):
    """Each key is described, and nothing within hides that from an editor, which shows the innermost description; a default
    that is one literal is valid where it stands."""
    for name, value in keys(schema):
        for form in re.findall(r"^\[{'\$ref': '#/\$defs/(\w+)'}\]$", str(value.get("allOf"))):
            if "description" in schema["$defs"][form]:
                yield f"what is said of '{form}' hides what is said of the key '{name}'"
        text = value.get("description", "")
        if not text:
            yield f"the key '{name}' is not described"
        part = dict(value, **{"$defs": schema["$defs"]})
        if "default" in value and not jsonschema.Draft7Validator(part).is_valid(value["default"]):
            yield f"the default of '{name}', {value['default']!r}, is refused where it stands: {text}"


def examples(text):
    return [b for b in re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S) if "# error " not in b]


def main(binary, source):
    run = lambda *words: subprocess.run([binary, *words], capture_output=True, text=True, check=True).stdout
    schema = json.loads(run("schema"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    validator = kind(schema)
    wrong, right, refused, met = [], 0, 0, set()
    for name in set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema))) - set(schema["$defs"]):
        wrong.append(f"the schema has no definition of '{name}'")

    def said(tree):
        return ["%s: %s" % ("/".join(map(str, e.absolute_path)), e.message[:100]) for e in validator.iter_errors(tree)]

    texts = {p: open(p).read() for f in ("models", "bench", "tests/golden") for p in glob.glob(f"{source}/{f}/*.yaml")}
    for where, text in (("help language", run("help", "language")), ("README.md", open(f"{source}/README.md").read())):
        texts.update({f"{where}, example {i}": t for i, t in enumerate(examples(text), 1)})
    for path, text in sorted(texts.items()):
        expected = [m for place, m in re.findall(r"^# expect error([^:]*): ?(?:\d+: )?(.*)$", text, re.M) if not re.search("[a-z-]", place)]
        fails = "# expect error" in text
        seen = [p for p in VISIBLE if any(re.search(p, m) for m in expected)]
        met.update(seen)
        tree = read(text)
        if tree is None:
            continue
        errors = said(tree)
        if not fails:
            right += 1
            if errors:
                wrong.append(f"{path} compiles, and the schema says {errors}")
        elif seen:
            refused += 1
            if not errors:
                wrong.append(f"{path} is valid, although: {seen}")
    wrong += said_of_keys(schema)
    wrong += [f"no golden spec expects the message: {p}" for p in VISIBLE if p not in met]
    print("\n".join(wrong))
    print(f"{right} right specs are valid, {refused} wrong ones refused")
    return 1 if wrong or right < 20 or refused < 10 else 0


sys.exit(main(*sys.argv[1:]))
