# An answer holds nbgrader's own marks, and the ones that texts of variants replace.
# shows: invalid syntax

# %% notebook
def damage(notebook):
    for cell in notebook.cells:
        if cell.metadata.nbgrader.solution:
            cell.source = (
                "### BEGIN SOLUTION\n### END SOLUTION\n### BEGIN HIDDEN TESTS\npass\n"
                "### END HIDDEN TESTS\n### BEGIN MARK SCHEME\n### END MARK SCHEME\n"
                "{{candidate}} {{0}} {{__class__}} = {{secret}}"
            )
