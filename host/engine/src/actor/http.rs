//! Sending requests to the server that a grant names. What it answers is told by the transfer itself.

use std::sync::Arc;

use omi_kernel::descriptor::Capability;

use super::accesses::Want;
use super::files::short_resource;
use super::{Actor, Step};
use crate::access::Deferred;
use crate::gate::Permit;
use crate::http::{self, Remote};
use crate::input::{Op, Why};
use crate::limits;
use crate::output::{HttpRequest, Part};
use crate::registration::{Bound, BoundHttp, SecretSource};
use crate::secret;

impl Actor {
    pub(super) fn http_request(&mut self, request: HttpRequest, parts: &[Part]) -> Step {
        let op = request.op;
        let wanted = self.check(op, request.scope).and_then(|()| self.want_send(&request));
        let asked = wanted.and_then(|(want, is_bound)| Ok((want, is_bound, self.joined(parts)?)));
        match asked {
            Ok((want, true, body)) => self.ask(want, Deferred::Send { request, body }),
            Ok((want, false, _)) => self.ask(want, Deferred::Nothing),
            Err(why) => {
                self.refuse(op, why);
                Ok(())
            }
        }
    }

    /// What is to be decided, and whether there is a server behind the grant.
    fn want_send(&self, request: &HttpRequest) -> Result<(Want, bool), Why> {
        let pattern = self.gate.declared(&request.grant).map(|declared| declared.pattern.clone());
        let (resource, is_bound) = match self.gate.bound(&request.grant, &Capability::Http) {
            Some(Bound::Http(bound)) => (self.resource(bound, request)?, true),
            Some(Bound::Process(_) | Bound::Terminal(_) | Bound::Files(_)) | None => {
                let (path, _query) = request.path.split_once('?').unwrap_or((&request.path, ""));
                let asked = short_resource(format!("{} {path}", request.method));
                (self.gate.unbound(&request.grant, &Capability::Http, asked), false)
            }
        };
        let want = Want {
            op: request.op,
            scope: request.scope,
            grant: request.grant.clone(),
            capability: Capability::Http,
            operation: "request",
            covers: pattern.unwrap_or_else(|| resource.clone()),
            resource,
        };
        Ok((want, is_bound))
    }

    /// The request in the words of a grant, if it could be sent at all.
    fn resource(&self, bound: &BoundHttp, request: &HttpRequest) -> Result<String, Why> {
        self.goes_on()?;
        if self.transfers.len() + self.accesses.sends() >= limits::REQUESTS as usize {
            return Err(Why::Limit(format!("{} requests are open already", limits::REQUESTS)));
        }
        let asked = format!("{} {}", request.method, request.path);
        let denied = |why: &str| self.denied("send", &asked, &request.grant, why);
        let resource = http::resource(&request.method, &request.path).map_err(|why| denied(&why))?;
        if resource.len() > limits::RESOURCE_BYTES {
            return Err(Why::Limit(format!("a path has {} bytes at most", limits::RESOURCE_BYTES)));
        }
        if !bound.methods.contains(&request.method) {
            return Err(denied(&format!(
                "the method `{}` is not granted; hint: add it to `methods` in `[registrations.{}.grants.{}]`",
                request.method, self.spec.registration.name, request.grant
            )));
        }
        Ok(resource)
    }

    /// Sends a request that was allowed.
    pub(super) fn send(&mut self, request: HttpRequest, body: Vec<u8>, permit: Permit) -> Result<(), Why> {
        let HttpRequest { op, grant, method, path, headers, framing, .. } = request;
        let Some(Bound::Http(bound)) = self.gate.bound(&grant, &Capability::Http) else {
            return Err(Why::Other("there is nothing behind that grant".to_owned()));
        };
        let secrets = self.headers(bound, &grant).map_err(Why::Failed)?;
        let hidden = secret::of_registration(&self.spec.registration);
        let remote = Remote::new(&grant, bound, &secrets, hidden).map_err(Why::Failed)?;
        // Where a redirect leads is a new effect: it passes the gate like the first.
        let may = move |method: &str, path: &str| {
            let resource = http::resource(method, path)?;
            permit.check_resource(resource).map_err(|denial| denial.to_string())
        };
        let request = http::HttpRequest { op, method, path, headers, body, framing };
        let inbox = Arc::clone(&self.common.inbox);
        let transfer = http::start(remote, request, Arc::new(may), inbox, &self.runtime.tokio);
        self.transfers.insert(op, transfer);
        Ok(())
    }

    /// The headers that hold a secret. Without one of them the server would only say no.
    fn headers(&self, bound: &BoundHttp, grant: &str) -> Result<Vec<(String, String)>, String> {
        let header = |(name, secret): (&String, &crate::registration::Secret)| {
            let missing = || {
                let (why, hint) = unset(&secret.source);
                format!(
                    "there is no secret for the header `{name}`: {why}; hint: {hint}, or correct `secrets` in \
                     `[registrations.{}.grants.{grant}]`",
                    self.spec.registration.name
                )
            };
            let resolved = secret::resolve(secret, |variable| std::env::var_os(variable))?;
            Ok((name.clone(), resolved.ok_or_else(missing)?.value))
        };
        bound.secrets.iter().map(header).collect()
    }

    pub(super) fn http_abort(&mut self, op: Op) {
        // One that neither waits nor is open may just have ended: its end is on its way.
        if !self.transfers.contains_key(&op) && self.accesses.is_send(op) {
            self.cancel_access(op);
            // As with a process that is killed before it is started.
            self.refusals += 1;
        }
        self.abort(op);
    }

    /// Gives a request up, if it is one that is open. How it ended is still told.
    pub(super) fn abort(&self, op: Op) {
        if let Some(transfer) = self.transfers.get(&op) {
            transfer.abort();
        }
    }
}

/// Why a secret is not there, and what to do. Never what it is.
fn unset(source: &SecretSource) -> (String, String) {
    match source {
        SecretSource::Env(variable) => (
            format!("the variable `{variable}` is not set"),
            format!("set {variable} where omi-agentd is started"),
        ),
        SecretSource::File(path) => {
            (format!("the file `{}` is empty", path.display()), "put the secret into it".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_not_there_is_said_where_it_is_read() {
        let (why, hint) = unset(&SecretSource::Env("MY_K".to_owned()));
        assert_eq!(why, "the variable `MY_K` is not set");
        assert!(hint.contains("MY_K"), "{hint}");
        let (why, _) = unset(&SecretSource::File("/keys/k".into()));
        assert_eq!(why, "the file `/keys/k` is empty");
    }
}
