import HTTPTypes
import Hummingbird
import HummingbirdCore
import TollgateAdmin
import TollgatePolicy
import TollgateServer

/// The frame of all pages: navigation, user, status line and notices.
extension PageServer {
    /// An entry of the navigation.
    private struct Entry {
        var key: String
        var label: String
        var path: String
    }

    private static let entries = [
        Entry(key: "overview", label: "Overview", path: "/"),
        Entry(key: "usage", label: "Usage", path: "/usage"),
        Entry(key: "alerts", label: "Alerts", path: "/alerts"),
        Entry(key: "analytics", label: "Analytics", path: "/analytics"),
        Entry(key: "providers", label: "Providers", path: "/providers"),
        Entry(key: "tiers", label: "Tiers", path: "/tiers"),
        Entry(key: "assignments", label: "Assignments", path: "/assignments"),
        Entry(key: "overrides", label: "Overrides", path: "/overrides"),
        Entry(key: "who", label: "Who", path: "/who"),
        Entry(key: "audit", label: "Audit", path: "/audit"),
        Entry(key: "deliveries", label: "Deliveries", path: "/deliveries"),
        Entry(key: "policy", label: "Policy", path: "/policy"),
        Entry(key: "system", label: "System", path: "/system"),
    ]

    /// The seconds between two refreshes of a page.
    private static let refreshInterval = 10

    /// The calendar in whose time zone pages show times that belong to no scope.
    var localTime: LocalTime { LocalTime(admin.server.policies.effective.calendar) }

    /// Redis's time in Unix ms, or that of this machine before Redis was reached.
    var currentTime: Int64 {
        get async {
            let time = await admin.server.redisTime
            return time > 0 ? time : Self.now * 1_000
        }
    }

    /// Returns the values of the layout of a page.
    func layout(
        of page: Page, _ method: HTTPRequest.Method, _ session: Session, _ identity: Identity, notice: String?
    ) async -> TemplateContext {
        let now = await currentTime
        let time = localTime
        var context = frame(title: page.title)
        context["page"] = page.template
        // A refresh would take away what the user entered in a form with an error.
        context["isLive"] = page.isLive && page.status == 200
        // A page about an outage has nothing to refresh, and is loaded anew.
        let isOutage = [503, 504].contains(page.status) && method == .get
        context["retry"] = isOutage ? Self.refreshInterval : nil
        context["refresh"] = Self.refreshInterval
        context["user"] = identity.name
        context["role"] = identity.role.rawValue
        context["isAdmin"] = identity.role.allows(.administer)
        context["csrf"] = key.formToken(of: session)
        context["notice"] = notice
        context["nav"] = Self.entries.map { entry -> TemplateContext in
            ["label": entry.label, "path": entry.path, "isCurrent": entry.key == page.section]
        }
        context["asOf"] =
            [
                "time": time.time(now), "iso": LocalTime.iso(now), "utc": LocalTime.utc(now), "zone": time.timeZone,
            ] as TemplateContext
        return context
    }

    /// Renders a page for a browser that is not signed in.
    func visitorPage(_ template: String, title: String, _ context: TemplateContext) -> String {
        templates.render(template, frame(title: title).merging(context))
    }

    private func frame(title: String) -> TemplateContext {
        ["title": title, "styles": Assets.styles.path, "script": Assets.script.path, "icon": Assets.icon.path]
    }
}
