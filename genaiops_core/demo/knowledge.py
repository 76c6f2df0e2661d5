"""Knowledge bases and questions of the demo applications; every company, policy and product is fictional."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A passage of a knowledge base, questions about it, and the answer that it supports."""

    title: str
    source: str
    passage: str
    questions: tuple[str, ...]
    answer: str


SUPPORT = (
    Topic(
        title="Return window and refunds",
        source="s3://northwind-help/returns/refund-window.md",
        passage="Items may be returned within 30 days of delivery in their original packaging. Refunds go to the "
        "original payment method within 5 working days after the warehouse has checked the parcel. Opened software "
        "and gift cards cannot be returned.",
        questions=(
            "How long do I have to return a pair of headphones?",
            "When will I get my money back for a returned item?",
        ),
        answer="You can return the item within 30 days of delivery in its original packaging. The refund goes to "
        "your original payment method within 5 working days after our warehouse has checked the parcel.",
    ),
    Topic(
        title="Tracking a parcel",
        source="s3://northwind-help/shipping/tracking.md",
        passage="A tracking link is sent by email when the parcel leaves the warehouse. Tracking shows nothing for "
        "the first 12 hours. A parcel that has not moved for 4 working days counts as lost and is replaced.",
        questions=("Where is my parcel?", "My tracking link has not moved since Friday, what now?"),
        answer="Your tracking link came by email when the parcel left the warehouse. If it has not moved for 4 "
        "working days the parcel counts as lost and we replace it.",
    ),
    Topic(
        title="Changing a delivery address",
        source="s3://northwind-help/shipping/change-address.md",
        passage="The address can be changed in the order page until the parcel is packed. After packing, the carrier's "
        "own page offers a redirect to a pickup point, free of charge.",
        questions=(
            "Can I still change the delivery address?",
            "I moved last week, the order goes to the old flat.",
        ),
        answer="You can change the address on the order page until the parcel is packed. After that, use the "
        "carrier's page to redirect it to a pickup point free of charge.",
    ),
    Topic(
        title="Resetting a password",
        source="s3://northwind-help/account/password.md",
        passage="Passwords are reset from the sign-in page. The link in the email is valid for 20 minutes and works "
        "once. Accounts with two-step verification also need a code from the authenticator app.",
        questions=("I cannot sign in any more.", "The password reset link says it has expired."),
        answer="Ask for a new link on the sign-in page; each link is valid for 20 minutes and works once. With "
        "two-step verification you also need the code from your authenticator app.",
    ),
    Topic(
        title="Warranty of electronics",
        source="s3://northwind-help/warranty/electronics.md",
        passage="Electronics carry a 24 month warranty from the day of delivery. Send a photo of the defect and the "
        "order number; repair takes 10 working days, and a device that cannot be repaired is replaced.",
        questions=("My speaker stopped working after a year.", "Is a broken charging port covered?"),
        answer="Yes, electronics carry a 24 month warranty from delivery. Send us a photo of the defect and your order "
        "number; repair takes 10 working days and a device we cannot repair is replaced.",
    ),
    Topic(
        title="Cancelling an order",
        source="s3://northwind-help/orders/cancel.md",
        passage="An order can be cancelled without cost until it is packed, usually 2 hours after payment. A packed "
        "order has to be refused at the door or returned.",
        questions=("Please cancel my order.", "I ordered twice by mistake, cancel one of them."),
        answer="You can cancel without cost until the order is packed, usually 2 hours after payment. Once packed, "
        "refuse the parcel at the door or return it.",
    ),
    Topic(
        title="Invoices for companies",
        source="s3://northwind-help/billing/invoices.md",
        passage="Invoices with a VAT number can be downloaded from the order page for 10 years. The VAT number must be "
        "in the account before the order is placed; invoices are not changed afterwards.",
        questions=(
            "I need an invoice with our VAT number.",
            "Can you correct the company name on an invoice?",
        ),
        answer="Download the invoice from the order page. The VAT number must be in your account before you order, "
        "because invoices are not changed afterwards.",
    ),
    Topic(
        title="Paying in instalments",
        source="s3://northwind-help/billing/instalments.md",
        passage="Orders from 150 euros can be paid in 3 or 6 monthly instalments without interest. A missed instalment "
        "is collected again after 7 days; after the second miss the rest is due at once.",
        questions=("Can I pay in instalments?", "What happens if I miss an instalment?"),
        answer="Orders from 150 euros can be paid in 3 or 6 monthly instalments without interest. A missed instalment "
        "is collected again after 7 days; after a second miss the rest is due at once.",
    ),
)

POLICY = (
    Topic(
        title="Working abroad",
        source="s3://hr-handbook/mobility/working-abroad.md",
        passage="Employees may work from another EU country for up to 20 working days per calendar year. The request "
        "is made in the portal 15 days ahead. Countries outside the EU need approval by legal.",
        questions=("How many days may I work from Spain?", "Can I work remotely from outside the EU?"),
        answer="Up to 20 working days per calendar year from another EU country, requested in the portal 15 days "
        "ahead. Outside the EU you need approval by legal.",
    ),
    Topic(
        title="Travel expenses",
        source="s3://hr-handbook/expenses/travel.md",
        passage="Second class rail is the default. Flights are booked for journeys over 6 hours by rail. Receipts are "
        "due within 30 days; meals are paid as a daily allowance of 28 euros.",
        questions=("Am I allowed to fly to Munich?", "What is the meal allowance on business trips?"),
        answer="Second class rail is the default and flights are for journeys over 6 hours by rail. Meals are paid as "
        "a daily allowance of 28 euros; hand in receipts within 30 days.",
    ),
    Topic(
        title="Parental leave",
        source="s3://hr-handbook/leave/parental.md",
        passage="Parental leave of up to 36 months per child is announced 7 weeks ahead in writing. During leave, part "
        "time work of up to 32 hours a week is possible.",
        questions=(
            "When do I have to announce parental leave?",
            "Can I work part time during parental leave?",
        ),
        answer="Announce parental leave in writing 7 weeks ahead; it lasts up to 36 months per child. Part time work "
        "of up to 32 hours a week is possible during leave.",
    ),
    Topic(
        title="Customer data on laptops",
        source="s3://hr-handbook/security/customer-data.md",
        passage="Customer data stays in the approved systems. Copies on laptops need a ticket, an encrypted disk and a "
        "deletion date of at most 14 days. Private devices are never used.",
        questions=(
            "May I keep a customer export on my laptop?",
            "Can I use my own device for customer data?",
        ),
        answer="Only with a ticket, an encrypted disk and a deletion date of at most 14 days. Private devices are never "
        "used for customer data.",
    ),
    Topic(
        title="Training budget",
        source="s3://hr-handbook/development/training.md",
        passage="Everyone has 1,500 euros and 5 days for training per year. Courses above 2,000 euros need approval by "
        "the head of department. Unused budget does not carry over.",
        questions=("How much training budget do I have?", "Does unused training budget carry over?"),
        answer="You have 1,500 euros and 5 days per year. It does not carry over, and courses above 2,000 euros need "
        "approval by the head of department.",
    ),
    Topic(
        title="Reporting a phishing mail",
        source="s3://hr-handbook/security/phishing.md",
        passage="Suspicious mails are reported with the report button, not forwarded. After a click, disconnect from "
        "the network and call the security desk within 15 minutes.",
        questions=("I clicked a strange link.", "How do I report a phishing mail?"),
        answer="Use the report button and do not forward the mail. If you clicked, disconnect from the network and "
        "call the security desk within 15 minutes.",
    ),
)

CLAIMS = (
    Topic(
        title="Claim 20-4417: water damage in a kitchen",
        source="s3://claims-archive/2026/20-4417.pdf",
        passage="A supply hose of the dishwasher burst on 3 March. Floor and two base units were damaged; the plumber "
        "closed the main valve after 40 minutes. The estimate of the restorer is 6,840 euros. Policy HOME-PLUS, "
        "excess 250 euros.",
        questions=(
            "Summarize claim 20-4417 for the adjuster.",
            "What is the expected payout of claim 20-4417?",
        ),
        answer="Burst dishwasher hose on 3 March, floor and two base units damaged, valve closed after 40 minutes. The "
        "estimate is 6,840 euros under HOME-PLUS with 250 euros excess.",
    ),
    Topic(
        title="Claim 20-4502: rear-end collision",
        source="s3://claims-archive/2026/20-4502.pdf",
        passage="The insured stopped at a red light and was hit from behind at low speed. The other driver admitted "
        "fault in the joint report. Repair of bumper and sensor is quoted at 2,310 euros; no injuries were reported.",
        questions=("Summarize claim 20-4502.", "Who is at fault in claim 20-4502?"),
        answer="The insured was hit from behind at a red light; the other driver admitted fault in the joint report. "
        "Repair is quoted at 2,310 euros and no injuries were reported.",
    ),
    Topic(
        title="Claim 20-4533: stolen bicycle",
        source="s3://claims-archive/2026/20-4533.pdf",
        passage="An electric bicycle worth 3,199 euros was stolen from a locked courtyard between 22:00 and 06:30. A "
        "police report and the receipt are present; the frame number on the receipt differs by one digit.",
        questions=(
            "Summarize claim 20-4533 and list what is missing.",
            "Are the documents of claim 20-4533 complete?",
        ),
        answer="An electric bicycle worth 3,199 euros was stolen from a locked courtyard at night. Police report and "
        "receipt are present, but the frame number on the receipt differs by one digit and must be cleared.",
    ),
    Topic(
        title="Claim 20-4610: storm damage to a roof",
        source="s3://claims-archive/2026/20-4610.pdf",
        passage="Storm of force 9 on 18 February lifted 60 tiles; rain entered the attic. Emergency cover cost 780 "
        "euros, the roofer quotes 9,450 euros. The weather service confirms the wind speed.",
        questions=("Summarize claim 20-4610.", "Is the storm of claim 20-4610 confirmed?"),
        answer="A storm of force 9 on 18 February, confirmed by the weather service, lifted 60 tiles and rain entered "
        "the attic. Emergency cover cost 780 euros and the roofer quotes 9,450 euros.",
    ),
    Topic(
        title="Claim 20-4688: cancelled journey",
        source="s3://claims-archive/2026/20-4688.pdf",
        passage="A journey for two to Lisbon was cancelled because of a broken ankle, certified on 2 May. The operator "
        "kept 1,860 of 2,420 euros. The policy covers cancellation for illness with 20 percent excess.",
        questions=("Summarize claim 20-4688.", "Which excess applies to claim 20-4688?"),
        answer="A journey for two to Lisbon was cancelled after a certified broken ankle; the operator kept 1,860 of "
        "2,420 euros. Cancellation for illness is covered with 20 percent excess.",
    ),
)

UNSUPPORTED = (
    "In most cases a manager can also waive the remaining conditions if you ask for it by phone.",
    "As far as I know the rule was relaxed recently, so the deadline is probably longer for regular customers.",
    "Similar situations are usually settled with a voucher, and you should receive one automatically.",
)
"""Sentences that no passage supports; a worse release adds them to its answers."""
