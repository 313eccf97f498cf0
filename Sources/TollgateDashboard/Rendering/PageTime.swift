import TollgateCore

extension LocalTime {
    /// Returns the values of the template `instant`, and the `age` of a time in the past.
    func context(_ milliseconds: Int64, now: Int64) -> TemplateContext {
        [
            "text": dateAndTime(milliseconds, now: now), "iso": Self.iso(milliseconds), "utc": Self.utc(milliseconds),
            "age": Self.age(milliseconds: now - milliseconds), "left": Self.age(milliseconds: milliseconds - now),
        ]
    }

    /// Returns the values of the template `instant` for a time of the API. Nil if it is missing or malformed.
    func context(_ text: String?, now: Int64) -> TemplateContext? {
        text.flatMap(UTCTime.milliseconds(parsing:)).map { context($0, now: now) }
    }
}
