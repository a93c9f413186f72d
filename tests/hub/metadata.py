"""The rules for a card's metadata at the tests' hub: those of the hub's own check that a card of ours could break."""

import re

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
LICENSES = {"apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "odc-by", "openrail", "other", "unknown"}


def plain(text):
    """{key: what stands behind it} of the top level; None where the text is no YAML at all. Without a YAML library a line
    that is neither indented nor an entry must be KEY: VALUE."""
    try:
        import yaml
    except ImportError:
        lines = [line for line in text.splitlines() if line and line[0] not in " #-"]
        return None if any(":" not in line for line in lines) else {}
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    return data if isinstance(data, dict) else None


def check_results(index):
    for model in index:
        if not isinstance(model.get("name"), str):
            yield '"model-index[0].name" must be a string'
        for result in model.get("results", ()):
            for where, key in (("task", "type"), ("dataset", "type"), ("dataset", "name")):
                if not isinstance(result.get(where, {}).get(key), str):
                    yield f'"model-index[0].results[0].{where}.{key}" is required'
            for metric in result.get("metrics", [{}]):
                if not isinstance(metric.get("type"), str) or "value" not in metric:
                    yield '"model-index[0].results[0].metrics" must have a type and a value'


def errors(content):
    """Lists what is wrong with a README.md, one message each."""
    parts = content.split("---\n", 2)
    if len(parts) < 3 or parts[0]:
        return []           # a card without metadata is taken
    data = plain(parts[1])
    if data is None:
        return ["the metadata is no YAML object"]
    found = list(check_results(data.get("model-index", ())))
    if "license" in data and data["license"] not in LICENSES:
        found.append(f'"license" must be one of {", ".join(sorted(LICENSES))}')
    if not all(isinstance(name, str) and NAME.fullmatch(name) for name in data.get("datasets", ())):
        found.append('"datasets" must be names of data sets')
    if not all(isinstance(tag, str) for tag in data.get("tags", ())):
        found.append('"tags" must be strings')
    return found
