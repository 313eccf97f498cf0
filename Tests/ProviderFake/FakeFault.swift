/// A fault of the fake provider.
package enum FakeFault: Sendable {
    /// An error in the provider's own form.
    case status(Int, retryAfter: String? = nil, message: String = "a message of the fake provider")
    /// A response with other headers and any body.
    case response(Int, headers: [(String, String)], body: String)
    /// No response.
    case hang
    /// The head and a part of the body, and then nothing.
    case hangInBody
    /// Half of the body, and the connection is closed.
    case cut
    /// Status 200 with this body.
    case body(String)
    /// Status 200 with a body of a number of bytes, whose length the head does not say.
    case oversized(bytes: Int)
    /// Every page names the same next page.
    case samePage
    /// Every page names another next page.
    case endlessPages
}
