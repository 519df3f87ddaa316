# SPDX-License-Identifier: MIT
"""What bench/compare is made of."""
