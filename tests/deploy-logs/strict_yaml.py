"""YAML, strictly: a key that comes twice is an error, as it is to most programs that read such files. Also used by
tests/deploy-container."""
import yaml


class StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"{key} twice, {node.start_mark}")
        return super().construct_mapping(node, deep)


def load(text):
    return yaml.load(text, StrictLoader)


def load_all(text):
    return list(yaml.load_all(text, StrictLoader))
