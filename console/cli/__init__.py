"""The command line: `watchkeeper`, also `wk`."""
