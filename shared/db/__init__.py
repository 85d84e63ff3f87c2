"""The SQL truth: tables, migrations, engine."""
