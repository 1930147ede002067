"""``python -m pawtrait``: the same as the command ``pawtrait``."""

from pawtrait.cli import main

main()
