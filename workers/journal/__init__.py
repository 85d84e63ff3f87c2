"""The job row and its journal: every hot-path write of this process goes through one group-committing writer."""
