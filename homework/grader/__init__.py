"""Grades notebooks without trusting a line of them. ``python -m grader --help`` lists what it can.

A student's cells run in a sandbox (`sandbox`, `worker`) that holds no test, no solution and no
gradebook. The checks come from the teacher's gradebook and run in a process that the student's code
cannot reach (`grade`); there, what the student defined is a proxy (`student`): arguments go out,
numbers come back (`messages`). The only way to a point is to return the right numbers.
"""
