"""Dates in many formats, paired with their ISO format."""

from datetime import date
from numbers import Integral

from sklearn.utils import check_random_state, check_scalar

FORMATS = (
    "{d} {month} {year}",
    "{d} {month}, {year}",
    "{dth} {month} {year}",
    "{dth} of {month} {year}",
    "the {dth} of {month}, {year}",
    "{month} {d}, {year}",
    "{month} {d} {year}",
    "{month} {dth}, {year}",
    "{weekday}, {d} {month} {year}",
    "{weekday}, {month} {d}, {year}",
    "{weekday} {dth} {month} {year}",
    "{weekday}, the {dth} of {month} {year}",
    "{d}-{month}-{year}",
    "{yyyy} {month} {d}",
    "{yyyy}, {month} {dth}",
    "{m}/{d}/{year}",
    "{d}.{m}.{year}",
    "{d}. {m}. {year}",
    "{yyyy}/{m}/{d}",
    "{yyyy}-{mm}-{dd}",
)
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)


def make_dates(n_samples=1000, *, random_state=None):
    """Make dates in many formats, and the same dates in ISO format.

    The days are drawn uniformly from the years 1950 to 2049. In numbers with slashes
    the month comes first, in numbers with dots the day; two digits determine the year.
    So no text is ambiguous.

    Parameters
    ----------
    n_samples : int, default=1000
        The number of dates.
    random_state : int, RandomState instance or None, default=None
        The seed or generator by which the days and their formats are drawn.

    Returns
    -------
    texts : list of str
        Dates in one of many English formats.
    dates : list of str
        The same dates as YYYY-MM-DD.

    See Also
    --------
    skrnn.RNNSeq2Seq : Learns to convert the texts to dates.

    Examples
    --------
    >>> from skrnn.datasets import make_dates
    >>> texts, dates = make_dates(4, random_state=0)
    >>> for text, day in zip(texts, dates, strict=True):
    ...     print(day, text)
    1957-06-25 Tuesday, Jun. 25, '57
    2008-02-29 29-Feb.-'08
    2033-03-29 29. 03. 33
    2037-11-23 2037-11-23
    """
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    rng = check_random_state(random_state)
    first, last = date(1950, 1, 1).toordinal(), date(2049, 12, 31).toordinal()
    days = [date.fromordinal(n) for n in rng.randint(first, last + 1, size=n_samples)]
    return [_write_date(day, rng) for day in days], [day.isoformat() for day in days]


def _write_date(day, rng):
    """Return a date in a format that is drawn at random."""

    def one_of(*options):
        return options[rng.randint(len(options))]

    month, weekday = MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
    teens = day.day // 10 == 1
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    text = one_of(*FORMATS).format(
        d=one_of(f"{day.day}", f"{day.day:02}"),
        dd=f"{day.day:02}",
        dth=f"{day.day}{ending}",
        m=one_of(f"{day.month}", f"{day.month:02}"),
        mm=f"{day.month:02}",
        month=one_of(month, month[:3], f"{month[:3]}."),
        weekday=one_of(weekday, weekday[:3]),
        year=one_of(f"{day.year}", f"{day.year % 100:02}", f"'{day.year % 100:02}"),
        yyyy=f"{day.year}",
    )
    return one_of(text, text, text.lower(), text.upper())
