"""What a backend installs: put agent jobs in, get their results out."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("watchkeeper-client")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0+unknown"
