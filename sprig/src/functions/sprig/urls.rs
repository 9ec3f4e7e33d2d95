//! URLs in parts.

use gotemplate::{
    Arguments, Buffer, Context, Failure, Function, Map,
    Parameter::{Map as Dict, Text},
    Value,
};

use crate::url::{Url, parse};

pub(super) static FUNCTIONS: &[Function] =
    &[Function::new("urlJoin", &[Dict], url_join), Function::new("urlParse", &[Text], url_parse)];

const MALFORMED: Failure = Failure::Because("the URL is malformed");

fn url_parse(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let text = arguments.text(0)?;
    context.meter.map()?;
    context.meter.bytes(3 * text.len() + 256)?;
    let url = parse(text).ok_or(MALFORMED)?;
    let mut user = Buffer::default();
    if let Some(info) = &url.user {
        info.write(&mut user);
    }
    let parts: [(&str, &[u8]); 8] = [
        ("fragment", &url.fragment),
        ("host", &url.host),
        ("hostname", url.hostname()),
        ("opaque", &url.opaque),
        ("path", &url.path),
        ("query", &url.query),
        ("scheme", &url.scheme),
        ("userinfo", &user),
    ];
    Ok(Value::map(parts.map(|(name, part)| (name.into(), Value::text(part)))))
}

fn url_join(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let map = arguments.map(0)?;
    let mut url = Url {
        scheme: part(map, "scheme")?,
        opaque: part(map, "opaque")?,
        user: None,
        host: part(map, "host")?,
        path: part(map, "path")?,
        query: part(map, "query")?,
        fragment: part(map, "fragment")?,
    };
    let user = part(map, "userinfo")?;
    if !user.is_empty() {
        // The text is parsed as the user info of a URL.
        let mut around = parse(&[b"proto://", &user[..], b"@host"].concat()).ok_or(MALFORMED)?;
        url.user = around.user.take();
    }
    let len = [&url.scheme, &url.opaque, &url.host, &url.path, &url.query, &url.fragment, &user];
    context.meter.bytes(3 * len.into_iter().map(Vec::len).sum::<usize>() + 16)?;
    let mut buffer = Buffer::default();
    url.write(&mut buffer);
    Ok(Value::text(buffer))
}

fn part(map: &Map, name: &str) -> Result<Vec<u8>, Failure> {
    match map.get(name.as_bytes()) {
        Some(Value::Text(text)) => Ok(text.to_vec()),
        Some(_) => Err("a part of the URL is not a string".into()),
        None => Ok(Vec::new()),
    }
}
