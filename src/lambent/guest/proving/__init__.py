"""What is laid beside a function's code while `lambent migrate` proves it: a witness of its files and requests."""
