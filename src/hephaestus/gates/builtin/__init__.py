"""The built-in gates, a module for each family: which of them a project's files switch on, and how each is asked."""
