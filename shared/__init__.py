"""What two or more processes need. Starts nothing, imports none of the other rooms."""
