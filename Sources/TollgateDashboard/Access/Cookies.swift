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

    /// Returns the value of a cookie. Of several with the same name, the first counts.
    static func value(_ name: String, in headers: HTTPFields) -> Substring? {
        for field in headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let pair = pair.drop { $0 == " " }
                guard pair.hasPrefix("\(name)=") else { continue }
                return pair.dropFirst(name.count + 1)
            }
        }
        return nil
    }

    /// Returns the field that sets a cookie, for a time in seconds. Zero deletes it.
    static func field(_ name: String, _ value: String, maxAge: Int64) -> String {
        "\(name)=\(value); Path=/; Max-Age=\(max(maxAge, 0)); HttpOnly; SameSite=Strict"
    }
}
