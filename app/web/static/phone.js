/* A basic phone that posts to the simulator's webhooks what a gateway would post.
   ES5 and XMLHttpRequest: browsers of ten years ago must run it. Nothing is kept anywhere:
   the number lives in its field, messages in this page's memory. */
(function () {
  "use strict";

  // As app/text/encoding.py has them; a test compares the two.
  var GSM7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
  var GSM7_EXTENSION = "\f^{}\\[~]|€";

  var POLL_MS = 2000;
  var PATIENCE_MS = 15000;

  var given = document.body.dataset;
  var code = given.code;
  var session = null;
  var fresh = true;
  var shown = "";
  var mine = [];
  var theirs = [];
  var known = 0;
  var polling = null;
  var troubled = false;
  var hint = at("screen").innerHTML;

  function at(id) { return document.getElementById(id); }

  function say(lao, english) { at("state").textContent = lao + " · " + english; }

  function random() {
    var text = "", bytes, i;
    if (window.crypto && window.crypto.getRandomValues) {
      bytes = window.crypto.getRandomValues(new Uint8Array(16));
      for (i = 0; i < bytes.length; i += 1) { text += (256 + bytes[i]).toString(16).slice(1); }
      return text;
    }
    return String(Math.random()).slice(2) + String(new Date().getTime());
  }

  /* Digits and a leading plus: a gateway writes numbers without the spaces that people read. */
  function number() {
    var written = at("number").value;
    return (/^\s*\+/.test(written) ? "+" : "") + written.replace(/\D/g, "");
  }

  function post(url, fields, done) {
    var request = new XMLHttpRequest(), pairs = [], name;
    for (name in fields) {
      if (Object.prototype.hasOwnProperty.call(fields, name)) {
        pairs.push(name + "=" + encodeURIComponent(fields[name]));
      }
    }
    request.open("POST", url);
    request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
    request.timeout = PATIENCE_MS;
    request.onload = function () { done(request.status, request.responseText); };
    request.onerror = request.ontimeout = function () { done(0, ""); };
    request.send(pairs.join("&"));
  }

  function explain(status) {
    if (status === 422) { say("ເບີໂທບໍ່ຖືກຕ້ອງ", "That is no phone number"); }
    else if (status === 403) { say("ກະລຸນາໂຫຼດໜ້ານີ້ໃໝ່", "Load this page again"); }
    else { say("ບໍ່ມີຄຳຕອບ ລອງໃໝ່", "No answer, try again"); }
  }

  // --- lengths ------------------------------------------------------------------------------

  function measure(text) {
    var units = 0, i, letter;
    for (i = 0; i < text.length; i += 1) {
      letter = text.charAt(i);
      if (GSM7_EXTENSION.indexOf(letter) >= 0) { units += 2; }
      else if (GSM7.indexOf(letter) >= 0) { units += 1; }
      else { return { units: text.length, name: "UCS-2", lao: true }; }
    }
    return { units: units, name: "GSM-7", lao: false };
  }

  function room(lao) {
    var chosen = session && session.ucs2;
    return Number(lao ? chosen || given.ucs2 : (chosen && session.gsm7) || given.gsm7);
  }

  function meter(text, sms) {
    var size = measure(text), whole, part, label = at("meter"), count;
    whole = sms ? (size.lao ? 70 : 160) : room(size.lao);
    part = size.lao ? 67 : 153;
    label.textContent = text || sms ? size.units + " / " + whole + " " + size.name : "";
    if (sms && size.units > whole) {
      count = Math.ceil(size.units / part);
      label.textContent = size.units + " " + size.name + " = " + count + " SMS";
    }
    label.className = !sms && size.units > whole ? "over" : "";
  }

  // --- USSD ---------------------------------------------------------------------------------

  function show(text) {
    shown = text;
    at("screen").textContent = text;
    at("screen").scrollTop = 0;
    meter(text, false);
  }

  function line(value) {
    at("reply").value = value;
    fresh = true;
    at("reply-label").textContent = session ? "ຕອບ · Reply" : "ໂທຫາ · Dial";
    at("call-word").textContent = session ? "Send" : "Call";
    at("call").firstChild.nodeValue = session ? "ສົ່ງ " : "ໂທ ";
    // On a touch screen a focus would push the keyboard over the phone.
    if (!("ontouchstart" in window)) { at("reply").focus(); }
  }

  function tick() {
    if (!session) { return; }
    var seconds = Math.floor((new Date().getTime() - session.begun) / 1000);
    at("seconds").textContent = seconds + " ວິ · s";
  }

  function busy(waits) {
    at("call").disabled = waits;
    if (waits) { say("ກຳລັງສົ່ງ…", "Sending…"); }
  }

  function close() {
    session = null;
    at("drop").disabled = true;
    busy(false);
    line(code);
  }

  function hop(text) {
    var current = session;
    busy(true);
    post(given.ussd, {
      sessionId: current.id,
      serviceCode: code,
      phoneNumber: current.number,
      networkCode: "99999",
      text: text,
      language: current.language,
      ucs2: current.ucs2,
      gsm7: current.gsm7
    }, function (status, body) {
      // Ended or dropped while it was under way: the network has nowhere to show it.
      if (session !== current) { return; }
      busy(false);
      if (status !== 200) {
        // The answer stands on its line: the green key sends it again, which does no harm.
        if (!current.begun) { close(); }
        explain(status);
        return;
      }
      answered(text, body);
    });
  }

  function answered(text, body) {
    session.text = text;
    if (!session.begun) { session.begun = new Date().getTime(); }
    tick();
    show(body.slice(4));
    if (body.slice(0, 4) === "CON ") {
      at("drop").disabled = false;
      say("ເຊື່ອມຕໍ່ແລ້ວ", "In session");
      line("");
    } else {
      close();
      say("ຈົບແລ້ວ", "Session ended");
    }
  }

  // What is chosen under the screen holds for the whole session.
  function wished(begun) {
    var size = at("size").value.split(" ");
    begun.language = at("language").value;
    begun.ucs2 = size[0];
    begun.gsm7 = size[1] || "";
    return begun;
  }

  function dial(dialled) {
    var stem = code.slice(0, -1), rest = dialled.slice(stem.length, -1);
    var ours = dialled.slice(0, stem.length) === stem && dialled.slice(-1) === "#";
    at("signal").className = "signal";
    if (!ours || dialled.length <= stem.length || (rest && rest.charAt(0) !== "*")) {
      show("ລະຫັດບໍລິການບໍ່ຖືກຕ້ອງ\nWrong service code.\nໂທ · Dial " + code);
      say("ໂທບໍ່ໄດ້", "Not connected");
      return;
    }
    if (!number()) { explain(422); return; }
    session = wished({ id: "page-" + random(), number: number(), text: "", begun: 0 });
    at("seconds").textContent = "";
    hop(rest.slice(1));
  }

  function call() {
    var typed = at("reply").value;
    if (at("call").disabled) { return; }
    if (!session) { dial(typed.replace(/\s/g, "")); return; }
    if (!typed) { say("ພິມຄຳຕອບກ່ອນ", "Type an answer first"); return; }
    hop(session.text ? session.text + "*" + typed : typed);
  }

  function hangUp() {
    at("signal").className = "signal";
    at("seconds").textContent = "";
    show("");
    at("screen").innerHTML = hint;
    close();
    say("ພ້ອມ", "Ready");
  }

  function drop() {
    at("signal").className = "signal lost";
    show("ສັນຍານຂາດ\nThe network lost the session.");
    close();
    say("ສັນຍານຂາດ", "Signal lost");
  }

  function press(key) {
    var reply = at("reply");
    // The code that stands ready is dialled as it is or replaced whole.
    if (fresh && !session) { reply.value = ""; }
    fresh = false;
    reply.value += key;
  }

  // --- SMS ----------------------------------------------------------------------------------

  function bubble(kind, text, time) {
    var p = document.createElement("p"), small = document.createElement("small");
    p.className = kind;
    p.appendChild(document.createTextNode(text));
    small.textContent = time;
    p.appendChild(small);
    at("inbox").appendChild(p);
  }

  /* What we sent stands after what had come by then: no clock of the two has to be right. */
  function draw() {
    var box = at("inbox"), i, j = 0;
    box.textContent = "";
    for (i = 0; i <= theirs.length; i += 1) {
      while (j < mine.length && (i === theirs.length || mine[j].after < theirs[i].number)) {
        bubble("went", mine[j].text, mine[j].time);
        j += 1;
      }
      if (i < theirs.length) { bubble("came", theirs[i].text, theirs[i].at.slice(11, 16)); }
    }
    if (!box.firstChild) { bubble("none", "ຍັງບໍ່ມີຂໍ້ຄວາມ · No messages yet", ""); }
    box.scrollTop = box.scrollHeight;
  }

  function fetchInbox(then) {
    var asked = number();
    post(given.inbox, { from: asked, token: given.token }, function (status, body) {
      if (asked !== number()) { return; }
      if (status === 200) {
        if (troubled) { say("ພ້ອມ", "Ready"); }
        theirs = JSON.parse(body);
        var newest = theirs.length ? theirs[theirs.length - 1].number : 0;
        if (newest !== known || !at("inbox").firstChild) { known = newest; draw(); }
      } else { explain(status); }
      troubled = status !== 200;
      if (then) { then(status === 200); }
    });
  }

  function poll() {
    if (at("sms").hidden) { return; }
    // A tab that nobody looks at costs its owner nothing.
    if (!document.hidden) { fetchInbox(null); }
    polling = setTimeout(poll, POLL_MS);
  }

  function vientianeTime() {
    return new Date(new Date().getTime() + 7 * 3600000).toISOString().slice(11, 16);
  }

  function send() {
    var text = at("draft").value;
    if (!/\S/.test(text) || at("send").disabled) { return; }
    at("send").disabled = true;
    say("ກຳລັງສົ່ງ…", "Sending…");
    // The gateway says nothing of a sender that is no phone; the inbox does.
    fetchInbox(function (fine) {
      if (!fine) { at("send").disabled = false; return; }
      post(given.sms, { id: random(), from: number(), to: given.shortCode, text: text }, function (status) {
        at("send").disabled = false;
        if (status !== 200) { explain(status); return; }
        mine.push({ text: text, after: known, time: vientianeTime() });
        at("draft").value = "";
        meter("", true);
        say("ສົ່ງແລ້ວ", "Sent");
        draw();
        fetchInbox(null);
      });
    });
  }

  // --- the rest -----------------------------------------------------------------------------

  function tab(sms) {
    at("sms").hidden = !sms;
    at("ussd").hidden = at("keys").hidden = sms;
    at("tab-sms").setAttribute("aria-pressed", String(sms));
    at("tab-ussd").setAttribute("aria-pressed", String(!sms));
    clearTimeout(polling);
    if (sms) { meter(at("draft").value, true); poll(); } else { meter(shown, false); }
  }

  function otherPhone() {
    mine = [];
    theirs = [];
    known = 0;
    at("inbox").textContent = "";
    hangUp();
    if (!at("sms").hidden) { fetchInbox(null); }
  }

  function start() {
    var keys = document.querySelectorAll("[data-key]"), i;
    for (i = 0; i < keys.length; i += 1) {
      keys[i].onclick = function () { press(this.getAttribute("data-key")); };
    }
    at("call").onclick = call;
    at("end").onclick = hangUp;
    at("drop").onclick = drop;
    at("wipe").onclick = function () { fresh = false; at("reply").value = at("reply").value.slice(0, -1); };
    at("reply").oninput = function () { fresh = false; };
    at("reply").onkeydown = function (event) { if (event.keyCode === 13) { call(); } };
    at("tab-ussd").onclick = function () { tab(false); };
    at("tab-sms").onclick = function () { tab(true); };
    at("draft").oninput = function () { meter(at("draft").value, true); };
    at("send").onclick = send;
    at("number").onchange = otherPhone;
    setInterval(tick, 1000);
  }

  start();
}());
