"""Decides when: unattended, one leader, APScheduler only calls each part's run_once."""
