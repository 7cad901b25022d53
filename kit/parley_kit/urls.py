"""Where a service is, given the base URL of a stack."""


def service_url(base: str, service: str) -> str:
    """`{base}/{service}/v1`; a base that ends in `/v1` is whole and taken as it is."""
    base = base.rstrip("/")
    return base if base.endswith("/v1") else f"{base}/{service}/v1"
