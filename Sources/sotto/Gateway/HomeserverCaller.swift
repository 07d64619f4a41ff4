internal import GatewayCore
internal import Homeserver
internal import MatrixJSON

/// Carries out the gateway's calls and brings the results back to it.
final class HomeserverCaller: Sendable {
    /// The one Matrix device of each of our users: with it the homeserver remembers transaction ids for a day, without it
    /// only until it restarts.
    static let matrixDevice = "SOTTO"

    private let client: HomeserverClient
    private let appserviceID: String
    private let inputs: InputQueue

    init(client: HomeserverClient, appserviceID: String, inputs: InputQueue) {
        self.client = client
        self.appserviceID = appserviceID
        self.inputs = inputs
    }

    func start(_ call: Actions.Call) {
        Task { [self] in
            let result = await carryOut(call.call)
            inputs.put { gateway, now in
                gateway.finished(call.id, result, now: now)
                return { _ in }
            }
        }
    }

    private func carryOut(_ call: HomeserverCall) async -> Result<HomeserverReply, HomeserverFailure> {
        do throws(HomeserverError) {
            switch call {
            case .ping:
                try await client.ping(appserviceID: appserviceID, transactionID: "start")
                return .success(.done)
            case .register(let localpart, let displayName):
                let userID = try await client.register(localpart: localpart, deviceID: Self.matrixDevice)
                try await client.setDisplayName(userID: userID, to: displayName)
                return .success(.done)
            case .join(let room, let userID):
                return .success(.joined(roomID: try await client.join(room, as: userID)))
            case .state(let roomID, let userID):
                return .success(.state(try await client.state(of: roomID, as: userID).map(RoomEvent.init)))
            case .send(let send):
                let eventID = try await client.send(
                    roomID: send.roomID, eventType: send.eventType, transactionID: send.transactionID,
                    content: send.content, as: send.userID, deviceID: Self.matrixDevice,
                    unixMilliseconds: send.unixMilliseconds)
                return .success(.sent(eventID: eventID))
            }
        } catch {
            return .failure(HomeserverFailure(error))
        }
    }
}

extension HomeserverFailure {
    init(_ error: HomeserverError) {
        switch error {
        case .refused(_, let errcode, let message):
            self = .refused(errcode: errcode, message: message)
        case .rateLimited(let milliseconds):
            self = .temporary("\(error)", retryAfterMilliseconds: milliseconds ?? 1000)
        default:
            self = .temporary("\(error)", retryAfterMilliseconds: nil)
        }
    }
}

extension RoomEvent {
    init(_ event: ClientEvent) {
        self.init(
            eventID: event.eventID, roomID: event.roomID, sender: event.sender, type: event.type,
            stateKey: event.stateKey, unixMilliseconds: event.originServerTS, content: event.content)
    }
}
