"""Order of the tests: studies first, since a file of them takes minutes of one core at the end."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.parent.name != "workflow")
