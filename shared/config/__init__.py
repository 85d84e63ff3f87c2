"""The configuration: tables people edit, immutable snapshots workers run on."""
