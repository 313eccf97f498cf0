import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer

/// The page `/policy`: the policy file with line numbers, its state, and a box that validates a text.
struct PolicyPages: Sendable {
    let pages: PageServer

    var routes: [Route] {
        [
            pages.get("/policy") { request in .page(try await page(request)) },
            pages.post("/policy/validate", validate),
        ]
    }

    // MARK: - Validation

    private func validate(_ request: PageRequest) async throws -> PageReply {
        let text = request.form.raw("text") ?? ""
        let reply: LocalAdmin.Reply
        do throws(Problem) {
            reply = try await pages.admin.send(.post, "/v1/policy/validate", text: text, as: request.caller)
        } catch {
            let verdict: TemplateContext = ["text": text, "isOpen": true, "error": error.detail]
            return .page(try await page(request, verdict, status: error.code.status.code))
        }
        return .page(try await page(request, Self.verdict(reply.value.members ?? [:], on: text)))
    }

    /// Returns the values of the box after a validation: the problems, and the text with their lines marked.
    private static func verdict(_ reply: [String: JSONValue], on text: String) -> TemplateContext {
        let isValid = reply["valid"] == .bool(true)
        let problems = (reply[isValid ? "warnings" : "errors"]?.items ?? []).compactMap(\.members)
        var marked: Set<Int> = []
        let rows = problems.map { problem -> TemplateContext in
            let line = if case .integer(let number) = problem["line"] { Int(number) } else { 1 }
            marked.insert(line)
            let path = problem["path"]?.text ?? ""
            return ["line": line, "sentence": (path.isEmpty ? "" : "\(path): ") + (problem["message"]?.text ?? "")]
        }
        return [
            "text": text, "isOpen": true, "isValid": isValid, "isInvalid": !isValid, "problems": rows,
            "hasProblems": !rows.isEmpty,
            "lines": lines(of: text, marked: marked, as: isValid ? "warning" : "danger", prefix: "T"),
        ]
    }

    /// Returns the lines of a text, each with the id to which links lead.
    private static func lines(
        of text: String, marked: Set<Int> = [], as level: String = "", prefix: String
    ) -> [TemplateContext] {
        // By scalar: CR and LF are one Character.
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.enumerated().map { index, line in
            let line = line.last == "\r" ? line.dropLast() : line
            return [
                "id": "\(prefix)\(index + 1)", "text": String(line),
                "level": marked.contains(index + 1) ? level : "",
            ]
        }
    }

    // MARK: - Page

    private func page(_ request: PageRequest, _ box: TemplateContext? = nil, status: Int = 200) async throws -> Page {
        let state = await pages.admin.server.report().policy
        let now = await pages.currentTime
        var context: TemplateContext = [
            "path": pages.admin.policyFile, "digest": state.digest, "others": state.differsFrom,
            "box": box ?? [:] as TemplateContext,
        ]
        context["loaded"] = pages.localTime.context(state.loadedAt, now: now)
        context["revision"] = state.revision
        context["reloadErrors"] = state.error?.split(separator: "\n").map(String.init)
        do throws(OperatorError) {
            context["file"] = [
                "lines": Self.lines(of: try PolicyFile(path: pages.admin.policyFile).text(), prefix: "L")
            ]
        } catch {
            context["unreadable"] = error.description
        }
        return Page("policy", title: "Policy", status: status, isLive: box == nil, context)
    }
}
