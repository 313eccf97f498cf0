/// The bounds of reading an account.
package struct ProviderBounds: Sendable {
    /// The timeout of an HTTP request, from connecting to the last byte of the response.
    package var timeout = Duration.seconds(15)
    /// The maximum number of bytes of a response's body.
    package var maxBodyBytes = 8 << 20
    /// The maximum number of pages of a report.
    package var maxPages = 50
    /// The maximum number of days to read.
    package var maxDays: Int64 = 366

    package init() {}
}
