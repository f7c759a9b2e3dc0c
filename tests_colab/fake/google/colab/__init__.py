"""What notebooks meet of Colab's own package, for tests: each call is noted in `calls`, nothing leaves the machine.

`google` itself stays a namespace package, as it is on Colab.
"""

calls: list[tuple] = []
