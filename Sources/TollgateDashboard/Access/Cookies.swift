import HTTPTypes
import TollgateAdmin
import TollgateServer

/// The cookies of the dashboard. Cookies are shared by all ports of a host, so their names contain the port, and users
/// can be signed in to several sidecars.
struct Cookies: Sendable {
    let session: String
    let notice: String

    init(_ address: ListenAddress) {
        let port = if case .tcp(_, let port) = address { port } else { 0 }
        session = "tollgate_session_\(port)"
        notice = "tollgate_notice_\(port)"
    }

    /// Returns the values of all cookies with a name.
    static func values(_ name: String, in headers: HTTPFields) -> [Substring] {
        headers[values: .cookie].flatMap { field in
            field.split(separator: ";").map { $0.drop { $0 == " " } }.filter { $0.hasPrefix("\(name)=") }
                .map { $0.dropFirst(name.count + 1) }
        }
    }

    /// Returns the value of the field that sets a cookie, for a time in seconds. Zero deletes it.
    static func field(_ name: String, _ value: String, maxAge: Int64, isSecure: Bool) -> String {
        "\(name)=\(value); Path=/; Max-Age=\(max(maxAge, 0)); HttpOnly; SameSite=Strict"
            + (isSecure ? "; Secure" : "")
    }
}
