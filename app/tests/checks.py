"""What a test that needs no lab found, as TAP."""


def tell(checks):
    """CHECKS: (what, wrong) each, WRONG being the lines that say what is wrong: none, and it is right. True: all are."""
    number, right = 0, True
    for number, (what, wrong) in enumerate(checks, 1):
        wrong = list(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {what}", flush=True)
        for line in wrong:
            print(f"# {line}")
        right = right and not wrong
    print(f"1..{number}")
    return right
