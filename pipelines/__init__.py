"""When things happen: Prefect flows over the stages that DVC owns. The only code that imports Prefect.

Prefect reads its settings while it is imported, so what a run on a bare machine needs is said here, before
any module of this package imports it; a value that is set already stands. A worker's run loads Prefect before
this package, so prefect.yaml says it again, and what that says counts whatever the worker's machine has set.
Its client would ask a proxy even for a run's temporary server.
"""

import os
import warnings
from contextlib import suppress

SETTINGS = {
    "DO_NOT_TRACK": "true",  # the one spelling that Prefect and MLflow both honour
    "PREFECT_CLIENT_MAX_RETRIES": "8",  # waits 2, 4, 8 … s: a server away for a minute ends no run
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",  # the temporary server: 16 s on two idle cores
}

for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)
with suppress(ImportError):  # `make up` comes here without the environment's packages
    from pawtrait import environment

    environment.settle()

# Prefect makes a model of a flow's parameters; pydantic thinks that `register` hides something of its own.
warnings.filterwarnings("ignore", message='Field name "register"')
