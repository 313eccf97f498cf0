import HTTPTypes
import TollgateAdmin

/// A change of a setting by a form, through the API. It applies only to the version that the user saw, which is in the
/// field `version`.
struct SettingEdit {
    let admin: LocalAdmin
    let request: PageRequest
    /// The path of the setting in the API.
    let path: String
    /// The name of the form on its page.
    let form: String
    /// The fields of the form by the first component of the API's field paths.
    var fields: [String: String] = [:]
    /// The keys that a stored setting and a body have in common.
    var keys: Set<String> = []
    /// The path of the API that lists the setting, if it has no path to read it alone.
    var listPath: String?

    /// Stores a new version. Throws a `FormFailure`.
    func put(_ body: JSONValue) async throws(FormFailure) {
        try await send(.put, body)
    }

    /// Deletes the setting. Throws a `FormFailure`.
    func delete() async throws(FormFailure) {
        try await send(.delete, nil)
    }

    private func send(_ method: HTTPRequest.Method, _ body: JSONValue?) async throws(FormFailure) {
        let version = request.form["version"].flatMap { Int64($0) } ?? 0
        do throws(Problem) {
            // Deleting what was never stored is not found, or comes from the policy file.
            let condition = method == .delete && version == 0 ? nil : version
            _ = try await admin.send(method, path, body: body, ifMatch: condition, as: request.caller)
        } catch {
            var failure = FormFailure(error, form: form, fields: fields, entered: request.form)
            if error.code == .preconditionFailed {
                failure.conflict = EditConflict(error, stored: await stored, sent: body)
                failure.errors = ["": failure.conflict?.sentence ?? error.detail]
            }
            throw failure
        }
    }

    /// The stored setting, with the keys that can be edited.
    private var stored: JSONValue? {
        get async {
            guard let reply = try? await admin.send(.get, listPath ?? path, as: request.caller).value else {
                return nil
            }
            let value = listPath == nil ? reply : reply.members?["items"]?.items?.first
            guard let members = value?.members else { return nil }
            return .object(members.filter { keys.contains($0.key) && $0.value != .null })
        }
    }
}
