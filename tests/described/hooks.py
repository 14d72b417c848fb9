"""What schemathesis is told beyond the document: which things there are, and that a key is for one request.

OMI_THERE is JSON: for each parameter of a path the names of things that are there, by the beginning of the path.
"""

import itertools
import json
import os

import schemathesis

THERE = json.loads(os.environ["OMI_THERE"])
NUMBERS = itertools.count()


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Half of what is asked is about something that is there: else everything is `not_found`."""
    for beginning, names in THERE.items():
        if context.operation.path.startswith(beginning) and path_parameters and next(NUMBERS) % 2:
            path_parameters.update(names)
    return path_parameters


@schemathesis.hook
def map_headers(context, headers):
    """Most keys are new: one that comes again with another body is a conflict, and nothing else is seen."""
    if headers and "idempotency-key" in headers and (number := next(NUMBERS)) % 8:
        headers["idempotency-key"] = f"key-{number}"
    return headers
